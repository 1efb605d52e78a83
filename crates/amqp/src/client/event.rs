//! What happens without having been asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{mpsc, watch};

use super::command::{ChannelState, ConnectionState};
use super::{CloseReason, Error, Message, Returned};

/// How many returns and flow changes wait for a reader of [`ChannelEvents`].
const EVENT_LIMIT: usize = 256;

/// Something happened to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionEvent {
    /// The broker is short of memory or disk and takes no publishes: they wait, here, until it does.
    /// Everything else goes on.
    Blocked {
        /// The broker's words.
        reason: String,
    },
    /// The broker takes publishes again.
    Unblocked,
    /// The connection ended. Always the last event.
    Closed(CloseReason),
}

/// The events of one connection, in order. A reader that comes late sees the present state of
/// blocking, not each change of it; [`ConnectionEvent::Closed`] is never lost.
#[derive(Debug)]
pub struct ConnectionEvents {
    blocked: watch::Receiver<Option<Arc<str>>>,
    state: Arc<ConnectionState>,
    was_blocked: bool,
    ended: bool,
}

impl ConnectionEvents {
    pub(super) fn new(
        blocked: watch::Receiver<Option<Arc<str>>>,
        state: Arc<ConnectionState>,
    ) -> Self {
        Self {
            blocked,
            state,
            was_blocked: false,
            ended: false,
        }
    }

    /// The next event; `None` after [`ConnectionEvent::Closed`]. May be dropped and called again.
    pub async fn next(&mut self) -> Option<ConnectionEvent> {
        if self.ended {
            return None;
        }
        while self.blocked.changed().await.is_ok() {
            let reason = self.blocked.borrow_and_update().clone();
            match (self.was_blocked, reason) {
                (_, Some(reason)) => {
                    self.was_blocked = true;
                    return Some(ConnectionEvent::Blocked {
                        reason: reason.as_ref().to_owned(),
                    });
                }
                (true, None) => {
                    self.was_blocked = false;
                    return Some(ConnectionEvent::Unblocked);
                }
                (false, None) => {}
            }
        }
        self.ended = true;
        Some(ConnectionEvent::Closed(self.state.close_reason()))
    }
}

/// Something happened to a channel.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ChannelEvent {
    /// The broker ended a consumer, because its queue was deleted or its node died. The channel lives.
    ConsumerCancelled {
        /// The consumer's tag.
        consumer_tag: String,
    },
    /// The broker asks to pause (false) or resume (true) publishing. RabbitMQ does not do this.
    Flow {
        /// Whether publishing is welcome.
        active: bool,
    },
    /// A mandatory message came back that no [`Confirmation`](super::Confirmation) can tell of,
    /// because the channel has no confirms.
    Returned {
        /// Why.
        returned: Returned,
        /// The message itself.
        message: Box<Message>,
    },
    /// The channel ended, alone or with its connection. Always the last event.
    Closed(Error),
}

/// The events of one channel, in order. If nobody reads them, returns and flow changes beyond 256
/// are dropped; cancelled consumers and [`ChannelEvent::Closed`] never are.
#[derive(Debug)]
pub struct ChannelEvents {
    events: mpsc::UnboundedReceiver<ChannelEvent>,
    droppable: Arc<AtomicUsize>,
    state: Arc<ChannelState>,
    ended: bool,
}

impl ChannelEvents {
    pub(super) fn new(state: Arc<ChannelState>) -> (ChannelEventSender, Self) {
        let (sender, events) = mpsc::unbounded_channel();
        let droppable = Arc::new(AtomicUsize::new(0));
        let sender = ChannelEventSender {
            events: sender,
            droppable: Arc::clone(&droppable),
        };
        (
            sender,
            Self {
                events,
                droppable,
                state,
                ended: false,
            },
        )
    }

    /// The next event; `None` after [`ChannelEvent::Closed`]. May be dropped and called again.
    pub async fn next(&mut self) -> Option<ChannelEvent> {
        if self.ended {
            return None;
        }
        if let Some(event) = self.events.recv().await {
            if is_droppable(&event) {
                self.droppable.fetch_sub(1, Ordering::Relaxed);
            }
            return Some(event);
        }
        self.ended = true;
        Some(ChannelEvent::Closed(self.state.error()))
    }
}

/// The task's end of [`ChannelEvents`].
#[derive(Debug)]
pub(super) struct ChannelEventSender {
    events: mpsc::UnboundedSender<ChannelEvent>,
    droppable: Arc<AtomicUsize>,
}

impl ChannelEventSender {
    /// Cancelled consumers need no limit: there are no more of them than the program started.
    pub(super) fn send(&self, event: ChannelEvent) {
        if is_droppable(&event) {
            if self.droppable.load(Ordering::Relaxed) >= EVENT_LIMIT {
                return;
            }
            self.droppable.fetch_add(1, Ordering::Relaxed);
        }
        // Without a reader the event is of no interest to anybody.
        let _ = self.events.send(event);
    }
}

fn is_droppable(event: &ChannelEvent) -> bool {
    matches!(
        event,
        ChannelEvent::Flow { .. } | ChannelEvent::Returned { .. }
    )
}
