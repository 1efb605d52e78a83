//! What the processes of a stage tell of their messages, in one place.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout_at};

use crate::FaultsError;

/// Something that happened to a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The process that tells it.
    pub process: String,
    /// The time of day, in seconds.
    pub at: f64,
    /// The message: client/topic/kind/round.number.
    pub id: String,
    /// What happened.
    pub what: What,
}

/// What can happen to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A client is about to send it.
    Made,
    /// A client is done with it: `ok`, `wrong`, or the name of an error.
    Ended(String),
    /// A server runs it; the flag is the broker's.
    Ran {
        /// It had been delivered before, here or elsewhere.
        redelivered: bool,
    },
}

/// All that was told in the present round.
#[derive(Debug, Default)]
pub struct Log {
    kept: Mutex<Kept>,
    count: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Kept {
    round: String,
    events: Vec<Event>,
}

/// Between two looks of one who waits: a look goes over all events.
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl Log {
    /// Forgets what there is, and keeps what concerns `round` from now on.
    pub fn begin(&self, round: &str) {
        let mut kept = self.kept();
        round.clone_into(&mut kept.round);
        kept.events.clear();
    }

    /// All events so far, those of each process in their order.
    pub fn events(&self) -> Vec<Event> {
        self.kept().events.clone()
    }

    /// Keeps what `process` tells, until it ends.
    pub fn follow(
        self: &Arc<Self>,
        process: &str,
        mut events: mpsc::UnboundedReceiver<Value>,
    ) -> tokio::task::JoinHandle<()> {
        let (log, process) = (Arc::clone(self), process.to_owned());
        tokio::spawn(async move {
            while let Some(line) = events.recv().await {
                if let Some(event) = read(&process, &line) {
                    log.add(event);
                }
            }
        })
    }

    /// Waits until `found` finds something in the events.
    pub async fn wait<T>(
        &self,
        what: &str,
        limit: Duration,
        mut found: impl FnMut(&[Event]) -> Option<T>,
    ) -> Result<T, FaultsError> {
        let deadline = Instant::now() + limit;
        let mut count = self.count.subscribe();
        loop {
            count.mark_unchanged();
            if let Some(it) = found(&self.kept().events) {
                return Ok(it);
            }
            // The sender lives as long as this borrow.
            if timeout_at(deadline, count.changed()).await.is_err() {
                return Err(FaultsError::Never(what.to_owned()));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    fn add(&self, event: Event) {
        let mut kept = self.kept();
        if round(&event.id) == Some(kept.round.as_str()) {
            kept.events.push(event);
        }
        drop(kept);
        self.count.send_modify(|count| *count += 1);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(process: &str, line: &Value) -> Option<Event> {
    let text = |name| line.get(name).and_then(Value::as_str);
    let what = match text("e")? {
        "made" => What::Made,
        "ended" => What::Ended(text("outcome")?.to_owned()),
        "ran" => What::Ran {
            redelivered: line.get("redelivered").and_then(Value::as_bool)?,
        },
        _ => return None,
    };
    Some(Event {
        process: process.to_owned(),
        at: line.get("t").and_then(Value::as_f64)?,
        id: text("id")?.to_owned(),
        what,
    })
}

/// The round of a message.
fn round(id: &str) -> Option<&str> {
    Some(id.rsplit('/').next()?.split_once('.')?.0)
}
