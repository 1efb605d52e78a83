//! What goes wrong on purpose.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Something that goes wrong with the messages that it names: with all, unless a topic or method is given, and always,
/// unless [`times`](Self::times) says how often.
///
/// ```
/// use std::time::Duration;
/// use bergen_testing::Fault;
///
/// let slow = Fault::delay(Duration::from_secs(2)).topic("compute");
/// let lost = Fault::lose().topic("compute").method("reboot").replies().times(1);
/// ```
#[derive(Debug, Clone)]
pub struct Fault {
    action: Action,
    topic: Option<String>,
    method: Option<String>,
    times: u64,
    leg: Leg,
}

/// What happens to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Delay(Duration),
    Lose,
    Duplicate,
    Redeliver,
    Disconnect,
}

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leg {
    /// To a server or listener.
    There,
    /// Back to a caller.
    Back,
}

impl Fault {
    /// Messages come that much later. Who casts or notifies does not wait for it, as with a broker that has taken the
    /// message; a call spends its time on it.
    pub fn delay(by: Duration) -> Self {
        Self::new(Action::Delay(by))
    }

    /// Messages do not come. Who casts or notifies does not learn of it; a call runs out of time.
    pub fn lose() -> Self {
        Self::new(Action::Lose)
    }

    /// Messages are sent twice, as by a sender that tries again: two messages, each with its own id, so that a method
    /// runs twice. A call takes the first answer.
    pub fn duplicate() -> Self {
        Self::new(Action::Duplicate)
    }

    /// Requests are delivered twice, as by a broker that lost an acknowledgement: one message, the second time marked as
    /// redelivered. A server recognises the copy and drops it.
    pub fn redeliver() -> Self {
        Self::new(Action::Redeliver)
    }

    /// The server loses its connection when it has got the request, and has another one at once: what it had not
    /// acknowledged comes again, to it or to another server. Requests that wait for a free handler, and those that are
    /// acknowledged late, are not acknowledged.
    pub fn disconnect() -> Self {
        Self::new(Action::Disconnect)
    }

    /// Only with messages to this topic.
    #[must_use]
    pub fn topic(mut self, topic: impl Into<String>) -> Self {
        self.topic = Some(topic.into());
        self
    }

    /// Only with requests of this method, or notifications of this event type.
    #[must_use]
    pub fn method(mut self, method: impl Into<String>) -> Self {
        self.method = Some(method.into());
        self
    }

    /// This often, then no more.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }

    /// Not with the requests themselves but with the answers to them. Answers can be delayed, lost and duplicated.
    #[must_use]
    pub fn replies(mut self) -> Self {
        self.leg = Leg::Back;
        self
    }

    fn new(action: Action) -> Self {
        Self {
            action,
            topic: None,
            method: None,
            times: u64::MAX,
            leg: Leg::There,
        }
    }

    fn fits(&self, leg: Leg, topic: &str, method: &str) -> bool {
        let is = |wanted: &Option<String>, found| wanted.as_deref().is_none_or(|it| it == found);
        self.leg == leg && is(&self.topic, topic) && is(&self.method, method)
    }
}

/// A fault that was injected: says how often it happened. The fault goes on when this is dropped;
/// [`remove`](Self::remove) ends it.
#[derive(Debug, Clone)]
pub struct Injected {
    active: Arc<Active>,
}

#[derive(Debug)]
struct Active {
    fault: Fault,
    hits: AtomicU64,
    /// How often it may still happen.
    left: AtomicU64,
}

impl Injected {
    /// How often it happened.
    pub fn hits(&self) -> u64 {
        self.active.hits.load(Ordering::SeqCst)
    }

    /// Ends it.
    pub fn remove(&self) {
        self.active.left.store(0, Ordering::SeqCst);
    }
}

/// All faults of a bus.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    active: Mutex<Vec<Arc<Active>>>,
}

impl Faults {
    pub(crate) fn inject(&self, fault: Fault) -> Injected {
        let active = Arc::new(Active {
            hits: AtomicU64::new(0),
            left: AtomicU64::new(fault.times),
            fault,
        });
        let mut all = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(Arc::clone(&active));
        Injected { active }
    }

    pub(crate) fn heal(&self) {
        let mut all = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        for active in all.drain(..) {
            active.left.store(0, Ordering::SeqCst);
        }
    }

    /// What happens to this message, of the actions that `concerns` says yes to. The first fault that was injected wins
    /// of each kind, but delays add up.
    pub(crate) fn of(
        &self,
        leg: Leg,
        topic: &str,
        method: &str,
        concerns: impl Fn(Action) -> bool,
    ) -> Vec<Action> {
        let mut all = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|active| active.left.load(Ordering::SeqCst) > 0);
        let mut actions = Vec::new();
        for active in &*all {
            let action = active.fault.action;
            let again = actions.contains(&action) && !matches!(action, Action::Delay(_));
            if again || !concerns(action) || !active.fault.fits(leg, topic, method) {
                continue;
            }
            active.left.fetch_sub(1, Ordering::SeqCst);
            active.hits.fetch_add(1, Ordering::SeqCst);
            actions.push(action);
        }
        actions
    }
}

/// All delays together.
pub(crate) fn delay(actions: &[Action]) -> Duration {
    let delays = actions.iter().map(|action| match action {
        Action::Delay(by) => *by,
        _ => Duration::ZERO,
    });
    delays.sum()
}
