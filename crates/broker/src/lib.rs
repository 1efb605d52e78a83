//! An AMQP 0-9-1 broker for one machine: embedded in a program, or run by `bergen broker`.
//!
//! ```
//! # #[cfg(feature = "server")]
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let broker = bergen_broker::Broker::builder().start().await?;
//! println!("listening at {}", broker.url());
//! broker.stop().await;
//! # Ok::<(), bergen_broker::StartError>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`core`]: exchanges, queues, bindings, deliveries, expiry. Plain structs without I/O; time is an argument.
//! - `store`: what outlives the broker, on disk.
//!
//! The feature `server`, which is on by default, is the broker itself; without it there is [`core`] alone, for drivers
//! inside a process.

#[cfg(feature = "server")]
mod broker;
#[cfg(feature = "server")]
mod builder;
pub mod core;
#[cfg(feature = "server")]
mod management;
#[cfg(feature = "server")]
mod server;
#[cfg(feature = "server")]
pub mod store;

#[cfg(feature = "server")]
pub use self::{
    broker::Broker,
    builder::{Builder, StartError},
    management::{HttpSettings, ManagementError},
    server::access::{
        Access, AccessError, LoginDecision, PasswordHash, PasswordHashError, PatternError,
        Permissions, Rights, User, UsersFileError, read_users_file,
    },
    server::listen::{
        Address, Doorstep, Incoming, Listen, ListenError, Listener, Peer, Place, Stream, TlsFiles,
        TlsPeer, check_safety,
    },
    server::{ChannelCounts, ChannelInfo, ConnectionInfo, Control, Limits, State, Stopped},
};
