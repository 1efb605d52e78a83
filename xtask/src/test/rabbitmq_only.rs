//! What is not asked of our broker, and why.

/// Tests of `interop` that need RabbitMQ itself.
pub(super) const INTEROP: [(&str, &str); 0] = [];
