//! One update.

use tokio::time::Instant;

use super::super::Router;

/// How often an update is tried.
const TRIES: u32 = 5;

/// Which updates come first: the lower number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// For a router that another one depends on.
    RelatedRouter = 0,
    /// What the server told: somebody waits for it.
    Rpc = 1,
    /// What a full synchronisation found.
    FullSync = 2,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Bring the router to what the server says.
    AddUpdate,
    /// Remove it.
    Delete,
}

/// What is to be done with a router.
#[derive(Debug, Clone, PartialEq)]
pub struct RouterUpdate {
    /// The router.
    pub router_id: String,
    /// How urgent it is.
    pub priority: Priority,
    /// What is to be done.
    pub action: Action,
    /// When it was known that there is something to do.
    pub timestamp: Instant,
    /// The router as it was fetched, not before `timestamp`; `None` if it has to be fetched.
    pub router: Option<Router>,
    /// How often it may still be tried, this time included. Default: 5.
    pub tries: u32,
}

impl RouterUpdate {
    /// Something to do, known from now on.
    pub fn new(router_id: impl Into<String>, priority: Priority, action: Action) -> Self {
        Self {
            router_id: router_id.into(),
            priority,
            action,
            timestamp: Instant::now(),
            router: None,
            tries: TRIES,
        }
    }

    /// A router that a full synchronisation asked for at this time.
    pub fn fetched(router: Router, timestamp: Instant) -> Self {
        Self {
            timestamp,
            router: Some(router.clone()),
            ..Self::new(router.id, Priority::FullSync, Action::AddUpdate)
        }
    }

    /// The same for the next try, without what was fetched; `None` after the last one.
    pub(super) fn again(&self) -> Option<Self> {
        let tries = self.tries.checked_sub(1).filter(|tries| *tries > 0)?;
        Some(Self {
            router: None,
            tries,
            timestamp: Instant::now(),
            ..self.clone()
        })
    }

    /// Takes in another update for the same router: the later one says what to do.
    pub(super) fn merge(self, other: Self) -> Self {
        let priority = self.priority.min(other.priority);
        let (earlier, later) = if other.timestamp >= self.timestamp {
            (self, other)
        } else {
            (other, self)
        };
        Self {
            priority,
            tries: later.tries.max(earlier.tries),
            ..later
        }
    }
}

/// What became of a router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Processed {
    /// It is as it was fetched at this time, or after it.
    UpToDate(Instant),
    /// It is not here any more.
    Gone,
}
