//! AMQP 0-9-1 as a state machine without sockets, tasks or clock, for both roles.
//!
//! Bytes, commands and the current time go in; bytes and events come out. So a client and a server
//! can be run against each other in memory under virtual time, and the same rules serve both.
//!
//! A [`Connection`] has four families of functions:
//!
//! - network: [`handle_input`](Connection::handle_input), [`handle_eof`](Connection::handle_eof),
//!   [`handle_io_error`](Connection::handle_io_error),
//!   [`handle_timeout`](Connection::handle_timeout);
//! - commands: [`open_channel`](Connection::open_channel), [`request`](Connection::request),
//!   [`publish`](Connection::publish), [`ack`](Connection::ack), [`close`](Connection::close) … for
//!   clients, [`accept`](Connection::accept), [`send`](Connection::send),
//!   [`send_content`](Connection::send_content) … for servers;
//! - outputs: [`poll_event`](Connection::poll_event), [`output`](Connection::output),
//!   [`poll_timeout`](Connection::poll_timeout);
//! - getters.
//!
//! A turn of the owner is: read what is there, `handle_input`, `poll_event` until `None`, commands,
//! write `output`, wait for bytes, commands or `poll_timeout`.
//!
//! # Order
//!
//! Everything that one command sends is queued as one unit, and the expectation of an answer or of a
//! confirm is noted in the same step. Frames of one channel leave in the order of its commands, but
//! for acknowledgements: those of one turn are gathered, leave with [`output`](Connection::output)
//! or with the next request of their channel, and share one `multiple` frame where nothing
//! unacknowledged lies in between. While a peer does not read, they go on being gathered. Bodies longer
//! than a frame let other channels' frames through.
//!
//! RabbitMQ answers the requests of one channel in order, except that `consume-ok` and `cancel-ok` come
//! from the queue's process and may be overtaken; those two are matched by their consumer tag. RabbitMQ
//! 3.10 itself stumbles (541) over a `cancel` that it gets before it has sent the `consume-ok` of the
//! same consumer: the owner should wait for that.
//!
//! # Limits
//!
//! Nothing is allocated from a declared size. What grows with a peer's input is bounded by
//! `frame_max`, `max_body_size` and `channel_max`; what grows with our own commands shows in
//! [`pending_output_bytes`](Connection::pending_output_bytes) and
//! [`unconfirmed`](Connection::unconfirmed), and it is for the owner to stop there. A peer that keeps
//! sending what has to be answered and does not read the answers loses the connection at 16 MiB.
//!
//! # What is left out
//!
//! `connection.secure` (a challenge, of which no mechanism of [`Login`] has need) and
//! `connection.update-secret` (new credentials on an open connection, for tokens that expire) are known
//! to the codec only. A peer that sends either breaks the protocol here: 503 `COMMAND_INVALID`.

mod acks;
mod channel;
mod client;
mod client_input;
mod close;
mod config;
mod confirms;
mod connection;
mod content;
mod deliveries;
mod error;
mod event;
mod handshake;
mod input;
mod lifecycle;
mod login;
mod output;
mod server;
mod stats;

pub use channel::ChannelId;
pub use close::{ChannelCloseReason, CloseReason, PeerClose};
pub use config::{ClientConfig, ServerConfig, Tuning};
pub use connection::Connection;
pub use error::{Phase, SendError, Violation};
pub use event::{
    Delivery, Event, Message, MethodBytes, Outcome, Publish, PublishTag, Reply, RequestId,
    Returned, Unsettled,
};
pub use login::Login;
pub use output::Output;
pub use stats::{FrameCounts, Stats};

#[cfg(test)]
mod tests;
