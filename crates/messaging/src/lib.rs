//! oslo.messaging in Rust: targets, transports, RPC and notifications, wire-compatible
