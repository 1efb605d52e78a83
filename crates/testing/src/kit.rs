//! What all parts of one test bus share.

use std::sync::{Arc, Mutex, PoisonError};

use bergen_memory::MemoryDriver;
use bergen_messaging::target::Target;
use bergen_messaging::wire::{Context, RawJson};
use tokio::sync::watch;
use tokio::time::Instant;

use super::activity::{Activity, Busy};
use super::faults::{Action, Faults, Leg};
use super::listeners::Listening;
use super::sent::{Kind, Sent};

/// What all drivers of a test bus share.
pub(crate) struct Kit {
    pub(crate) faults: Faults,
    pub(crate) activity: Arc<Activity>,
    pub(crate) sent: Mutex<Vec<Sent>>,
    /// Whether the broker can be reached.
    pub(crate) connected: watch::Sender<bool>,
    pub(crate) listening: Listening,
    /// Keeps the bus, and says how its queues stand.
    pub(crate) observer: MemoryDriver,
}

impl Kit {
    pub(crate) fn new(observer: MemoryDriver) -> Arc<Self> {
        Arc::new(Self {
            faults: Faults::default(),
            activity: Arc::default(),
            sent: Mutex::default(),
            connected: watch::channel(true).0,
            listening: Listening::default(),
            observer,
        })
    }

    /// Writes a message down, and says what is to happen to it.
    pub(crate) fn note(&self, sent: Sent) -> Vec<Action> {
        let topic = sent.target.topic.clone().unwrap_or_default();
        let actions = self.faults.of(Leg::There, &topic, &sent.method, |action| {
            matches!(action, Action::Delay(_) | Action::Lose | Action::Duplicate)
        });
        let mut all = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(sent);
        actions
    }

    pub(crate) fn busy(self: &Arc<Self>, what: String) -> Busy {
        self.activity.begin(what)
    }

    /// Waits until the broker can be reached; false if it can't until `deadline`.
    pub(crate) async fn reached(&self, deadline: Option<Instant>) -> bool {
        if *self.connected.borrow() {
            return true;
        }
        let mut connected = self.connected.subscribe();
        let reached = connected.wait_for(|connected| *connected);
        match deadline {
            None => reached.await.is_ok(),
            Some(deadline) => tokio::time::timeout_at(deadline, reached).await.is_ok(),
        }
    }
}

/// A message on its way, written down.
pub(crate) fn sent(
    kind: Kind,
    target: &Target,
    method: &str,
    args: &RawJson,
    context: &Context,
) -> Sent {
    Sent {
        kind,
        target: target.clone(),
        method: method.to_owned(),
        args: args.clone(),
        context: context.clone(),
        priority: None,
        at: Instant::now(),
    }
}
