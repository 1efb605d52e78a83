//! A channel on which not all consumers stand yet.

use bergen_amqp::client::Channel;

/// Closes its channel when it is dropped before [`stands`](Self::stands).
///
/// A sink holds the channel that it consumes on, so a channel with one consumer does not end by itself: given up half
/// way, it would go on taking requests for a server that has stopped, or never started.
#[derive(Debug)]
pub(super) struct HalfOpen(Option<Channel>);

impl HalfOpen {
    pub(super) fn new(channel: &Channel) -> Self {
        Self(Some(channel.clone()))
    }

    /// All consumers stand: the channel is left alone.
    pub(super) fn stands(mut self) {
        self.0 = None;
    }
}

impl Drop for HalfOpen {
    fn drop(&mut self) {
        if let Some(channel) = self.0.take() {
            // The request is on its way when the future is made; nobody is left to wait for the answer.
            drop(channel.close());
        }
    }
}
