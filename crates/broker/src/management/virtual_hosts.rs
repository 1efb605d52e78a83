//! Virtual hosts: list, look, make, delete.

use std::sync::Arc;

use serde_json::{Value, json};

use super::api::{Api, Call, is_monitor};
use super::connections::message_stats;
use super::fields::check_length;
use super::list;
use super::queues::row::depth;
use super::rates::{Key, Rates};
use super::reply::{Refused, Reply};
use crate::core::HostSettings;
use crate::server::access::Permissions;
use crate::server::{ChannelCounts, State};

/// A copy of what the broker knows of a virtual host.
struct Row {
    node: Arc<str>,
    name: Arc<str>,
    ready: u64,
    unacknowledged: u64,
    counts: ChannelCounts,
}

impl Api {
    pub(super) async fn virtual_hosts(&self, call: &Call) -> Result<Reply, Refused> {
        let user = Arc::clone(&call.user);
        let mut rows = self
            .ask(move |state| {
                let names = state.virtual_hosts();
                names
                    .filter(|name| is_monitor(&user) || user.may_enter(name))
                    .filter_map(|name| Row::of(state, name))
                    .collect::<Vec<_>>()
            })
            .await?;
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        let rates = self.rates.borrow();
        let shown = rows.iter().map(|row| row.show(&rates)).collect();
        Ok(Reply::Json(list::list(
            shown,
            &call.query,
            self.settings.max_items,
        )?))
    }

    pub(super) async fn virtual_host(&self, name: &str, call: &Call) -> Result<Reply, Refused> {
        let name: Arc<str> = name.into();
        let row = self.ask(move |state| Row::of(state, &name)).await?;
        let shown = row
            .ok_or_else(Refused::not_found)?
            .show(&self.rates.borrow());
        Ok(Reply::Json(list::columns(shown, &call.query)))
    }

    /// Makes it, and lets its maker in: with RabbitMQ that is a second request, which does no harm here either.
    pub(super) async fn put_virtual_host(&self, name: &str, call: &Call) -> Result<Reply, Refused> {
        check_length("the name", name)?;
        if name.is_empty() {
            return Err(Refused::bad_request("a virtual host needs a name"));
        }
        let (name, user) = (name.to_owned(), Arc::clone(&call.user));
        let created = self
            .ask(move |state| {
                let settings = HostSettings {
                    name: name.as_str().into(),
                    ..HostSettings::default()
                };
                let created = state.create_host(settings);
                if created && !user.may_enter(&name) {
                    state.access_mut().set_permissions(
                        user.name(),
                        &name,
                        Some(Permissions::full()),
                    );
                }
                created
            })
            .await?;
        Ok(Reply::declared(!created))
    }

    pub(super) async fn delete_virtual_host(&self, name: &str) -> Result<Reply, Refused> {
        let name = name.to_owned();
        let deleted = self
            .ask(move |state| {
                let users: Vec<String> = state
                    .access()
                    .users()
                    .map(|user| user.name().to_owned())
                    .collect();
                for user in users {
                    state.access_mut().set_permissions(&user, &name, None);
                }
                state.delete_host(&name)
            })
            .await?;
        if deleted {
            Ok(Reply::Done)
        } else {
            Err(Refused::not_found())
        }
    }
}

impl Row {
    fn of(state: &State, name: &Arc<str>) -> Option<Self> {
        let host = state.host(name)?;
        let (mut ready, mut unacknowledged) = (0, 0);
        for queue in host.queues() {
            ready += queue.ready;
            unacknowledged += queue.unacknowledged;
        }
        let node = Arc::clone(state.node());
        let counts = state.host_totals(name).unwrap_or_default();
        Some(Self {
            node,
            name: Arc::clone(name),
            ready,
            unacknowledged,
            counts,
        })
    }

    fn show(&self, rates: &Rates) -> Value {
        let key = Key::VirtualHost(Arc::clone(&self.name));
        let mut shown = rates.show(&key, &depth(self.ready, self.unacknowledged));
        let fixed = json!({
            "name": &*self.name,
            "description": "",
            "tags": [],
            "metadata": {"description": "", "tags": []},
            "default_queue_type": "undefined",
            "tracing": false,
            "cluster_state": {&*self.node: "running"},
        });
        if let Value::Object(fixed) = fixed {
            shown.extend(fixed);
        }
        let stats = message_stats(&self.counts);
        if stats.iter().any(|(_, count)| *count > 0) {
            shown.insert(
                "message_stats".to_owned(),
                Value::Object(rates.show(&key, &stats)),
            );
        }
        Value::Object(shown)
    }
}
