//! What the interop tests share: the Rust service that Python calls, and ways to make peers of either kind.

mod peers;
mod service;

pub use peers::{Client, PythonClient, PythonServer, transport};
pub use service::{Custom, RustServer, Seen, Service};
