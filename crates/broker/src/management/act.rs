//! Commands on behalf of a user, as an AMQP client of that user would give them.

use std::sync::Arc;
use std::time::Instant;

use super::api::{Api, Call};
use super::reply::Refused;
use crate::core::{ConnectionId, Refusal, Scope, VirtualHost};
use crate::server::State;
use crate::server::access::{Rights, User};

/// A connection of the user's own to a virtual host, for the time of one request.
pub(super) struct Act<'a> {
    pub(super) host: &'a mut VirtualHost,
    pub(super) rights: Rights,
    pub(super) connection: ConnectionId,
    pub(super) now: Instant,
}

impl Act<'_> {
    pub(super) fn has_queue(&self, name: &str) -> bool {
        self.host.queue(name).is_some()
    }

    pub(super) fn has_exchange(&self, name: &str) -> bool {
        self.host.exchange(name).is_some()
    }
}

impl Api {
    /// Runs `command` on the broker's thread. The outer result is the broker's end; the inner one its answer.
    pub(super) async fn act<T: Send + 'static>(
        &self,
        call: &Call,
        vhost: &str,
        command: impl FnOnce(&mut Act<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<Result<T, Refusal>, Refused> {
        let user = Arc::clone(&call.user);
        let vhost = vhost.to_owned();
        self.ask(move |state| act(state, &user, &vhost, command))
            .await
    }
}

/// The virtual hosts whose content the user may see, or the one of them that was asked for.
pub(super) fn visible(state: &State, user: &User, only: Option<&str>) -> Vec<Arc<str>> {
    let names = state.virtual_hosts();
    names
        .filter(|name| only.is_none_or(|only| only == &***name) && user.may_enter(name))
        .cloned()
        .collect()
}

fn act<T>(
    state: &mut State,
    user: &User,
    vhost: &str,
    command: impl FnOnce(&mut Act<'_>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let rights = state
        .access()
        .enter(user, vhost, state.host(vhost).is_some())?;
    let Some(host) = state.host_mut(vhost) else {
        // `enter` has said so already.
        return Err(Refusal {
            code: 404,
            text: "vhost_not_found".to_owned(),
            scope: Scope::Connection,
        });
    };
    let now = Instant::now();
    let connection = host.connect();
    let mut act = Act {
        host,
        rights,
        connection,
        now,
    };
    let outcome = command(&mut act);
    act.host.disconnect(connection, now);
    outcome
}
