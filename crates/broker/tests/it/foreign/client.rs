//! What the round asks of a client. Each client speaks it in its own way.

use std::fmt::Debug;
use std::time::Duration;

use super::broker::Address;

/// How long anything may take that must happen.
pub(super) const LIMIT: Duration = Duration::from_secs(15);

pub(super) trait Client: Sized {
    type Channel: Channel;

    /// Whether the client says so when the broker ends a consumer, and lives on.
    const HEARS_OF_CANCELS: bool;

    /// `heartbeat` in seconds.
    async fn connect(address: &Address, heartbeat: u16) -> Result<Self, String>;
    async fn channel(&self) -> Self::Channel;
    /// Closes in order and waits for the broker's word.
    async fn close(self);
}

pub(super) trait Channel {
    /// The client's own type of headers and arguments.
    type Table: Clone + Debug + PartialEq;

    fn table(entries: &[(&str, Value<'_>)]) -> Self::Table;
    /// One value of each type that the client knows.
    fn every_type() -> Self::Table;

    async fn declare_exchange(&mut self, exchange: Exchange<'_>) -> Result<(), Refused>;
    async fn delete_exchange(&mut self, name: &str, if_unused: bool) -> Result<(), Refused>;
    async fn bind_exchange(
        &mut self,
        destination: &str,
        source: &str,
        routing_key: &str,
    ) -> Result<(), Refused>;
    async fn declare_queue(
        &mut self,
        queue: Queue<'_>,
        arguments: Self::Table,
    ) -> Result<Declared, Refused>;
    async fn delete_queue(&mut self, name: &str, unless: Unless) -> Result<u32, Refused>;
    async fn purge_queue(&mut self, name: &str) -> Result<u32, Refused>;
    async fn bind_queue(
        &mut self,
        queue: &str,
        exchange: &str,
        routing_key: &str,
        arguments: Self::Table,
    ) -> Result<(), Refused>;
    async fn unbind_queue(
        &mut self,
        queue: &str,
        exchange: &str,
        routing_key: &str,
    ) -> Result<(), Refused>;

    /// Asks for confirms; before any [`publish`](Self::publish).
    async fn select_confirms(&mut self);
    /// Publishes and waits for the confirm.
    async fn publish(&mut self, message: Outgoing<'_, Self::Table>) -> Outcome;
    /// Publishes where no exchange is; what the channel is closed with.
    async fn publish_nowhere(&mut self, exchange: &str) -> Refused;

    async fn qos(&mut self, prefetch: u16);
    async fn consume(&mut self, queue: &str, tag: &str, how: How) -> Result<(), Refused>;
    async fn cancel(&mut self, tag: &str);
    /// The next delivery to the channel's one consumer; none if the broker has ended it.
    async fn next(&mut self) -> Option<Delivery<Self::Table>>;
    /// A message and how many are left.
    async fn get(&mut self, queue: &str) -> Option<(Delivery<Self::Table>, u32)>;
    async fn ack(&mut self, tag: u64, multiple: bool);
    async fn nack(&mut self, tag: u64, multiple: bool, requeue: bool);
    async fn reject(&mut self, tag: u64, requeue: bool);
    /// Acknowledges what was never delivered; what the channel is closed with.
    async fn ack_unknown(&mut self, tag: u64) -> Refused;
    async fn close(self);
}

/// A value of an argument.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    Text(&'a str),
    Number(i32),
}

/// What a channel was closed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) code: u16,
    pub(super) text: String,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Exchange<'a> {
    pub(super) name: &'a str,
    pub(super) kind: &'a str,
    pub(super) passive: bool,
    pub(super) durable: bool,
    pub(super) auto_delete: bool,
}

#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "as in the protocol")]
pub(super) struct Queue<'a> {
    pub(super) name: &'a str,
    pub(super) passive: bool,
    pub(super) durable: bool,
    pub(super) exclusive: bool,
    pub(super) auto_delete: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Declared {
    pub(super) name: String,
    pub(super) messages: u32,
    pub(super) consumers: u32,
}

/// What keeps a queue from being deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unless {
    Nothing,
    Used,
    Full,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct How {
    pub(super) no_ack: bool,
    pub(super) exclusive: bool,
}

#[derive(Debug)]
pub(super) struct Outgoing<'a, T> {
    pub(super) exchange: &'a str,
    pub(super) routing_key: &'a str,
    pub(super) mandatory: bool,
    pub(super) body: &'a [u8],
    pub(super) properties: Properties<T>,
}

/// The properties of a message, without those that no client of the round writes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Properties<T> {
    pub(super) content_type: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) headers: Option<T>,
    pub(super) persistent: bool,
    pub(super) priority: Option<u8>,
    pub(super) correlation_id: Option<String>,
    pub(super) reply_to: Option<String>,
    pub(super) expiration: Option<String>,
    pub(super) message_id: Option<String>,
    pub(super) timestamp: Option<u64>,
    pub(super) kind: Option<String>,
    pub(super) user_id: Option<String>,
    pub(super) app_id: Option<String>,
}

impl<T> Default for Properties<T> {
    fn default() -> Self {
        Self {
            content_type: None,
            content_encoding: None,
            headers: None,
            persistent: false,
            priority: None,
            correlation_id: None,
            reply_to: None,
            expiration: None,
            message_id: None,
            timestamp: None,
            kind: None,
            user_id: None,
            app_id: None,
        }
    }
}

/// What became of a publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Confirmed,
    Returned(Returned),
    Nacked,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Returned {
    pub(super) code: u16,
    pub(super) text: String,
    pub(super) exchange: String,
    pub(super) routing_key: String,
    pub(super) body: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Delivery<T> {
    pub(super) tag: u64,
    pub(super) redelivered: bool,
    pub(super) exchange: String,
    pub(super) routing_key: String,
    pub(super) properties: Properties<T>,
    pub(super) body: Vec<u8>,
}

/// Waits for what must come.
pub(super) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let Ok(done) = tokio::time::timeout(LIMIT, future).await else {
        panic!("{what}: not within {LIMIT:?}");
    };
    done
}
