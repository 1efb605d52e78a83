//! What a broker does with messages, without sockets, tasks or clock.
//!
//! A [`VirtualHost`] is the whole of it: commands go in, each with the current time where time matters, and say at
//! once what became of them; what others are to be told comes out as [`Effect`]s. Nothing here knows of the wire, so
//! the same core serves AMQP connections and, with another [`Body`], drivers inside the process.
//!
//! A turn of the owner is: command, [`poll_effect`](VirtualHost::poll_effect) until `None`, wait for the next
//! command or for [`poll_timeout`](VirtualHost::poll_timeout).

mod arena;
mod arguments;
mod bindings;
mod carbon_copies;
mod change;
mod channel;
mod command;
mod comparable;
mod consumer;
mod death;
mod effect;
mod exchange;
mod exchanges;
mod expiration;
mod headers;
mod ids;
mod memory;
mod message;
mod queue;
mod refusal;
mod route_cache;
mod stream;
mod targets;
mod topic_trie;
mod virtual_host;

pub use arguments::QueueKind;
pub use change::Change;
pub use command::{
    Bind, Consume, DeclareExchange, DeclareQueue, ExchangeKind, HostSettings, Publish,
    QueueDeclared,
};
pub use effect::{Delivery, Effect, Extra, Got, Published};
pub use exchange::{BindingInfo, ExchangeInfo};
pub use ids::{ChannelId, ConnectionId, Position};
pub use message::{Body, Message};
pub use queue::QueueCounters;
pub use refusal::{Refusal, Scope};
pub use virtual_host::{ChannelState, ConsumerInfo, QueueInfo, VirtualHost};
