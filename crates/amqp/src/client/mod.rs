//! The tokio client: TCP, TLS, and one task for each connection.
//!
//! A [`Connection`] is a socket and the [protocol](crate::protocol) state machine, both owned by one
//! task. Handles ([`Connection`], [`Channel`]) send it commands; it hands out deliveries, replies and
//! publisher confirms, and writes once a turn. It lives and dies once: whoever wants recovery keeps
//! what should exist and opens another connection.
//!
//! # What runs where
//!
//! User code runs on the connection's task in one place only: a [`DeliverySink`]. It must not block;
//! while it does, heartbeats, acknowledgements and every channel of the connection wait for it.
//! Its panic costs one message and not the connection.
//! [`Channel::consume_stream`] is the consumer without that duty.
//!
//! # What is bounded
//!
//! | what | bound |
//! |---|---|
//! | publishes that the broker has not confirmed | the channel's [window](Publish#the-window) |
//! | bytes encoded but not yet written | [`ConnectOptions::write_buffer_limit`]: beyond it no commands are taken; reading goes on |
//! | deliveries nobody has acknowledged | [`Channel::qos`]; a [`Consumer`] sets it to its own capacity |
//! | one delivery that comes in | 128 MiB; a longer one is counted, not kept, and rejected |
//! | answers to a broker that sends and does not read | 16 MiB, then the connection ends |
//! | requests and acknowledgements that wait for the task | 65 536, then [`Error::Overloaded`] |
//! | events that nobody reads | 256 a channel, see [`ChannelEvents`] |
//!
//! # An example
//!
//! ```no_run
//! use bergen_amqp::client::{ConnectOptions, Connection, Confirmed, Publish, QueueDeclare};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let (connection, _events) = Connection::open(ConnectOptions::default()).await?;
//! let (channel, _events) = connection.open_channel().await?;
//! channel.confirm_select().await?;
//! channel.queue_declare(QueueDeclare::new("greetings")).await?;
//! let confirmation = channel.publish(Publish::new("", "greetings", "hello")).await?;
//! assert_eq!(confirmation.await?, Confirmed::Ack);
//! connection.close().await?;
//! # Ok(())
//! # }
//! ```

mod channel;
mod command;
mod connect;
mod connect_error;
mod connection;
mod consumer;
mod delivery;
mod error;
mod event;
mod io_thread;
mod options;
mod publish;
mod stats;
mod task;
mod tls;
mod topology;

pub use channel::{Admitted, Channel};
pub use connect_error::{ConnectError, TlsError};
pub use connection::Connection;
pub use consumer::{Consumer, ConsumerEnd};
pub use delivery::{Consume, DeliverySink, Disposition};
pub use error::{ChannelCloseReason, CloseReason, Error, PublishError};
pub use event::{ChannelEvent, ChannelEvents, ConnectionEvent, ConnectionEvents};
pub use options::{ConnectOptions, TlsOptions, Verify};
pub use publish::{Confirmation, Confirmed, Publish};
pub use stats::Stats;
pub use topology::{
    ExchangeBind, ExchangeDeclare, ExchangeDelete, ExchangeKind, ExchangeUnbind, QueueBind,
    QueueDeclare, QueueDeclared, QueueDelete, QueueUnbind,
};

pub use crate::protocol::{Delivery, Login, Message, Returned, SendError, Violation};

#[cfg(test)]
mod tests;
