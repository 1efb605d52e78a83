//! The drivers that the peer has, under its names.

mod log;
mod messaging;
mod noop;
mod routing;
mod test;

pub use log::LogDriver;
pub use messaging::{Format, MessagingDriver};
pub use noop::NoopDriver;
pub use routing::{RoutingDriver, RoutingError, RoutingRules};
pub use test::TestDriver;
