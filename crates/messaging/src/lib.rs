//! oslo.messaging in Rust: targets, transports, RPC and notifications, wire-compatible

mod clock;
pub mod driver;
pub mod drivers;
mod log_limit;
mod mask;
pub mod notify;
pub mod options;
pub mod rpc;
pub mod runtime;
pub mod target;
pub mod transport;
pub mod url;
pub mod wire;
