//! The handle of a connection.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::channel::Channel;
use super::command::{Command, CommandSender};
use super::event::{ChannelEvents, ConnectionEvents};
use super::{CloseReason, ConnectError, ConnectOptions, Error, Stats};
use crate::codec::FieldTable;

/// How long the task waits for the broker's answer to a close.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(4);

/// How long a caller waits for the task, which may have to write a lot before it can close.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// An open connection to a broker. Clones are handles of the same connection.
///
/// It closes, politely, when [`close`](Self::close) is called or its last handle and its channels'
/// last handles are dropped. It never opens again.
#[derive(Clone, Debug)]
pub struct Connection {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    commands: CommandSender,
    server_properties: FieldTable<'static>,
    blocked: watch::Receiver<Option<Arc<str>>>,
}

impl Connection {
    /// Connects, logs in and opens the virtual host. Dropping the future closes the socket.
    ///
    /// All of it takes at most [`ConnectOptions::connect_timeout`]. Must be called within a tokio
    /// runtime with I/O and time enabled; the connection's task is spawned there.
    pub async fn open(options: ConnectOptions) -> Result<(Self, ConnectionEvents), ConnectError> {
        super::connect::open(options).await
    }

    pub(super) fn new(
        commands: CommandSender,
        server_properties: FieldTable<'static>,
        blocked: watch::Receiver<Option<Arc<str>>>,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                commands,
                server_properties,
                blocked,
            }),
        }
    }

    pub(super) fn spawned(&self, task: AbortHandle) {
        self.shared.commands.state().spawned(task);
    }

    /// Opens a channel. The request is on its way when this returns; dropping the future closes the
    /// channel as soon as it is open.
    pub fn open_channel(
        &self,
    ) -> impl Future<Output = Result<(Channel, ChannelEvents), Error>> + Send + use<> {
        let state = Arc::clone(self.shared.commands.state());
        let (waiter, answer) = oneshot::channel();
        let sent = self.shared.commands.try_send(Command::OpenChannel(waiter));
        async move {
            sent?;
            answer
                .await
                .unwrap_or_else(|_| Err(Error::ConnectionClosed(state.close_reason())))
        }
    }

    /// Closes the connection with all its channels. What was queued before is written first, if the
    /// broker reads it; after 5 seconds the socket is closed anyway.
    ///
    /// An error says that the connection had ended for another reason.
    pub fn close(&self) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let state = Arc::clone(self.shared.commands.state());
        let (done, closed) = oneshot::channel();
        let sent = self.shared.commands.send(Command::Close(done));
        async move {
            if sent.is_ok() {
                // The task drops the sender when it ends, for whatever reason.
                if timeout(CLOSE_PATIENCE, closed).await.is_err() {
                    state.abort();
                }
            }
            match state.close_reason() {
                CloseReason::Requested => Ok(()),
                reason => Err(Error::ConnectionClosed(reason)),
            }
        }
    }

    /// Whether the connection is neither closed nor closing.
    pub fn is_open(&self) -> bool {
        self.shared.commands.state().is_open()
    }

    /// What the broker said of itself: product, version, capabilities.
    pub fn server_properties(&self) -> &FieldTable<'static> {
        &self.shared.server_properties
    }

    /// Why the broker takes no publishes at present, if so.
    pub fn blocked(&self) -> Option<String> {
        self.shared
            .blocked
            .borrow()
            .as_ref()
            .map(ToString::to_string)
    }

    /// What the connection has done so far; as of the last turn of its task.
    pub fn stats(&self) -> Stats {
        self.shared.commands.state().stats.load()
    }
}
