//! Consumers that outlive their connections.

use std::sync::Arc;

use bergen_amqp::client::{Channel, DeliverySink};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::backoff::BackoffPolicy;
use super::broker_version::VersionCheck;
use super::stats::{Counter, Counters};
use super::stream::StreamPosition;
use super::supervisor::Supervisor;
use super::topology::{Arguments, Binding};
use crate::driver::ListenError;
use crate::wire::Limits;

mod keeper;

use keeper::Keeper;

/// What should exist and be consumed, on whichever connection answers next.
pub(super) struct Intent {
    /// Says in log lines whose consumers these are.
    pub(super) name: String,
    /// Declared in this order; each distinct queue is then consumed, with the tags "1", "2", ….
    pub(super) bindings: Vec<Binding>,
    /// basic.qos of each new channel; 0 sets none.
    pub(super) prefetch: u16,
    pub(super) arguments: Arguments,
    /// The queue that nobody else consumes.
    pub(super) own_queue: Option<OwnQueue>,
    /// Where in a stream to read on, if one of the queues is a stream.
    pub(super) stream: Option<Arc<StreamPosition>>,
    /// Makes the sink of each consumer, for the channel that it consumes on.
    pub(super) sinks: Box<MakeSink>,
}

/// A queue that only these consumers need.
pub(super) struct OwnQueue {
    pub(super) name: Arc<str>,
    /// Deleted on a clean close; else it waits for whoever comes back under its name, until it expires.
    pub(super) deleted_on_close: bool,
    /// Counts how often it was found gone: what it held is lost.
    pub(super) recreated: fn(&Counters) -> &Counter,
}

/// Makes the sink of one consumer.
pub(super) type MakeSink = dyn Fn(&Channel) -> Box<dyn DeliverySink> + Send + Sync;

/// The handle on consumers that a task keeps alive.
#[derive(Debug)]
pub(super) struct Consumers {
    state: watch::Receiver<State>,
    stopping: CancellationToken,
    closing: CancellationToken,
}

/// What consumers live on.
#[derive(Debug, Clone)]
pub(super) struct Ground {
    pub(super) supervisor: Arc<Supervisor>,
    pub(super) backoff: BackoffPolicy,
    pub(super) hosts: Arc<str>,
    pub(super) counters: Arc<Counters>,
    /// What is taken of one message.
    pub(super) limits: Limits,
    pub(super) tasks: TaskTracker,
    pub(super) version_check: Arc<VersionCheck>,
    /// Cancelled when the driver closes.
    pub(super) closing: CancellationToken,
}

impl Consumers {
    /// Starts to consume, and to start again after every loss.
    pub(super) fn start(intent: Intent, ground: &Ground) -> Self {
        let (publish, state) = watch::channel(State::Starting);
        let stopping = CancellationToken::new();
        let closing = ground.closing.child_token();
        let keeper = Keeper {
            intent,
            ground: ground.clone(),
            state: publish,
            stopping: stopping.clone(),
            closing: closing.clone(),
            ever_declared: false,
            ever_started: false,
        };
        ground.tasks.spawn(keeper.run());
        Self {
            state,
            stopping,
            closing,
        }
    }

    /// Whether all consumers stand right now.
    pub(super) fn is_consuming(&self) -> bool {
        matches!(*self.state.borrow(), State::Consuming)
    }

    /// Whether they ended without ever having started.
    pub(super) fn has_failed(&self) -> bool {
        matches!(*self.state.borrow(), State::Failed(_))
    }

    /// Waits until all consumers stand, or the first start has failed for good.
    pub(super) async fn started(&self) -> Result<(), ListenError> {
        let mut state = self.state.clone();
        let settled = state
            .wait_for(|state| !matches!(state, State::Starting | State::Interrupted))
            .await;
        match settled.as_deref() {
            Ok(State::Failed(error)) => Err(error.clone()),
            Ok(State::Consuming) => Ok(()),
            Ok(_) | Err(_) => Err(ListenError::Closed),
        }
    }

    /// Waits until they are over for good.
    pub(super) async fn ended(&self) {
        let ended = |state: &State| matches!(state, State::Failed(_) | State::Closed);
        // An error means that the keeper is gone.
        let _ = self.state.clone().wait_for(ended).await;
    }

    /// Takes no new messages. What was delivered can still be acknowledged.
    pub(super) async fn stop(&self) {
        self.stopping.cancel();
        let mut state = self.state.clone();
        let ended =
            |state: &State| matches!(state, State::Stopped | State::Failed(_) | State::Closed);
        // An error means that the keeper is gone, which is also a stop.
        let _ = state.wait_for(ended).await;
    }

    /// Ends the consumers and what they hold on the broker.
    pub(super) async fn close(&self) {
        self.closing.cancel();
        self.ended().await;
    }
}

impl Drop for Consumers {
    fn drop(&mut self) {
        self.closing.cancel();
    }
}

#[derive(Debug, Clone, PartialEq)]
enum State {
    Starting,
    /// The first start failed for a reason that trying again does not mend.
    Failed(ListenError),
    Consuming,
    /// Lost, and being restored.
    Interrupted,
    Stopped,
    Closed,
}
