//! AMQP 0-9-1: codec, sans-IO protocol for both roles, and a tokio client.

pub mod client;
pub mod codec;
pub mod protocol;
