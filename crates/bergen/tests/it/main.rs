//! The façade as its users see it: the macros' output at work, and the macros' messages.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail loudly, its helpers too"
)]

mod client;
mod endpoint;
mod loopback;
mod memory;
mod notifications;
mod rpc_error;
mod ui;
