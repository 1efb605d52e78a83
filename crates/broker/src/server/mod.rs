//! The AMQP face of the broker: sockets, logins, and one task for each connection.

pub(crate) mod access;
pub(crate) mod listen;

mod confirms;
mod control;
mod durable;
mod effects;
mod info;
mod limits;
mod memory;
mod messages;
mod methods;
mod reply_to;
mod run;
mod session;
mod settings;
mod state;
mod task;
mod topology;
mod transaction;
mod turn;

pub(crate) use self::control::Question;
pub use self::control::{Control, Stopped};
pub use self::info::{ChannelInfo, ConnectionInfo};
pub use self::limits::Limits;
pub(crate) use self::run::{Inbox, run};
pub use self::session::ChannelCounts;
pub use self::state::State;
