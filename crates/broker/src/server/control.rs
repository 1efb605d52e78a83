//! The way into the broker's thread from outside.

use tokio::sync::{mpsc, oneshot};

use super::state::State;

/// A question, which may change what it looks at.
pub(crate) type Question = Box<dyn FnOnce(&mut State) + Send>;

/// Asks a running broker, or has it do something, on its own thread. Clones ask the same broker.
#[derive(Debug, Clone)]
pub struct Control(mpsc::UnboundedSender<Question>);

/// The broker is not there any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the broker has stopped")]
pub struct Stopped;

impl Control {
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Question>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Runs `question` on the broker's thread and returns its answer. While it runs nothing else does, so it should
    /// copy what it wants and be gone.
    ///
    /// What it does to virtual hosts is carried on when it returns: deliveries leave, changes go to the disk.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut State) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let (sender, receiver) = oneshot::channel();
        self.tell(move |state| {
            // Whoever asked may have left.
            let _ = sender.send(question(state));
        })?;
        receiver.await.map_err(|_| Stopped)
    }

    /// [`ask`](Self::ask) without an answer, from wherever there is no runtime.
    pub fn tell(&self, act: impl FnOnce(&mut State) + Send + 'static) -> Result<(), Stopped> {
        self.0.send(Box::new(act)).map_err(|_| Stopped)
    }

    /// Waits until the broker has stopped, because it was told to or because its thread failed.
    pub async fn stopped(&self) {
        self.0.closed().await;
    }
}
