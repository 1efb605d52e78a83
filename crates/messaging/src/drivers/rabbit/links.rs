//! The connections that drivers share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::{self, Handle};

use super::link::{Link, LinkSettings};
use crate::options::RabbitOptions;
use crate::url::TransportUrl;

/// The connections in use, of all drivers that one registry has made.
#[derive(Debug, Default)]
pub(super) struct Links {
    held: Mutex<Vec<Held>>,
}

/// Where one driver finds the connections that it may share: those of equal URL and options, for the same use, on the
/// same tokio runtime, since a connection lives and dies with the runtime that it was opened on.
#[derive(Debug, Clone)]
pub(super) struct Sharing {
    pub(super) links: Arc<Links>,
    pub(super) url: TransportUrl,
    pub(super) options: RabbitOptions,
}

/// A connection, and how many drivers use it.
#[derive(Debug)]
struct Held {
    url: TransportUrl,
    options: RabbitOptions,
    role: &'static str,
    runtime: runtime::Id,
    link: Arc<Link>,
    users: usize,
}

impl Sharing {
    /// The connection that equal drivers use, or a new one.
    pub(super) fn join(&self, settings: &LinkSettings) -> Arc<Link> {
        let runtime = Handle::current().id();
        let mut held = self.links.lock();
        let equal = held.iter_mut().find(|held| {
            held.runtime == runtime
                && held.role == settings.role
                && held.url == self.url
                && held.options == self.options
        });
        if let Some(equal) = equal {
            equal.users += 1;
            return Arc::clone(&equal.link);
        }
        let link = Arc::new(Link::new(settings));
        held.push(Held {
            url: self.url.clone(),
            options: self.options.clone(),
            role: settings.role,
            runtime,
            link: Arc::clone(&link),
            users: 1,
        });
        link
    }

    /// Whether nobody uses the connection any more. Nobody will: it is no longer found.
    pub(super) fn leave(&self, link: &Arc<Link>) -> bool {
        let mut held = self.links.lock();
        let Some(place) = held.iter().position(|held| Arc::ptr_eq(&held.link, link)) else {
            return true;
        };
        let is_last = held.get_mut(place).is_none_or(|held| {
            held.users -= 1;
            held.users == 0
        });
        if is_last {
            held.swap_remove(place);
        }
        is_last
    }
}

impl Links {
    fn lock(&self) -> MutexGuard<'_, Vec<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
