//! An AMQP 0-9-1 broker for one machine: embedded in a program, or run by `bergen broker`.
//!
//! - [`core`]: exchanges, queues, bindings, deliveries, expiry. Plain structs without I/O; time is an argument.
//! - [`store`]: what outlives the broker, on disk.

mod broker;
mod builder;
pub mod core;
mod management;
mod server;
pub mod store;

pub use broker::Broker;
pub use builder::{Builder, StartError};

pub use management::{HttpSettings, ManagementError};
pub use server::access::{
    Access, AccessError, LoginDecision, PasswordHash, PasswordHashError, PatternError, Permissions,
    Rights, User, UsersFileError, read_users_file,
};
pub use server::listen::{
    Address, Doorstep, Incoming, Listen, ListenError, Listener, Peer, Place, Stream, TlsFiles,
    TlsPeer, check_safety,
};
pub use server::{ChannelCounts, ChannelInfo, ConnectionInfo, Control, Limits, State, Stopped};
