//! What strangers and clients may cost.

use std::time::Duration;

/// The limits of a broker. Start from `Limits::default()` and change fields.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How many clients may be connected. More are hung up on at once. Default 20 000: an idle connection costs a few
    /// kilobytes and a file descriptor.
    pub connections: usize,
    /// How many sockets may be there that have not logged in. When more come, those that stand longest are hung up on.
    /// Default 4 096: clients that all come back at once fit.
    pub connections_before_login: usize,
    /// From the first byte to `connection.open`, TLS included. Default 10 s, RabbitMQ's `handshake_timeout`.
    pub handshake_timeout: Duration,
    /// The interval proposed for heartbeats; zero proposes none. Default 60 s, RabbitMQ's `heartbeat`.
    pub heartbeat: Duration,
    /// Largest frame in bytes. Default 131 072, RabbitMQ's `frame_max`.
    pub frame_max: u32,
    /// Largest frame in bytes before login. Default 8 192, RabbitMQ 4's `initial_frame_max`.
    pub initial_frame_max: u32,
    /// Channels of one connection. Default 2 047, RabbitMQ's `channel_max`.
    pub channel_max: u16,
    /// Largest body of a message in bytes. Default 128 MiB, RabbitMQ 3's `max_message_size`.
    pub max_body_size: u64,
    /// Bytes of messages from which on publishers are stopped (`connection.blocked`), until one tenth of it is free
    /// again. Also how much messages that are still coming in may take together; who goes beyond is closed (506).
    /// RabbitMQ's `vm_memory_high_watermark`, which there is 40 % of the machine. Default 1 GiB: an embedded broker
    /// shares its machine.
    pub memory_high_watermark: u64,
    /// Bytes that may wait for a client's socket before it gets no more deliveries, until a quarter of it is left.
    /// Default 512 KiB.
    pub write_buffer: usize,
    /// What one transaction (`tx.select`) may hold in bytes. Default 16 MiB.
    pub transaction_size: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            connections_before_login: 4096,
            handshake_timeout: Duration::from_secs(10),
            heartbeat: Duration::from_mins(1),
            frame_max: 131_072,
            initial_frame_max: 8192,
            channel_max: 2047,
            max_body_size: 128 << 20,
            memory_high_watermark: 1 << 30,
            write_buffer: 512 * 1024,
            transaction_size: 16 << 20,
        }
    }
}
