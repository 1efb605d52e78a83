//! What each side wants of a connection before the two agree.

use std::time::Duration;

use super::Login;
use crate::codec::{FieldTable, FieldValue};

/// What a client wants of a connection.
///
/// Start from [`ClientConfig::new`] and change fields.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ClientConfig {
    /// Who logs in.
    pub login: Login,
    /// Virtual host to open. Default `/`, as in RabbitMQ.
    pub virtual_host: String,
    /// What the broker shows about us (`product`, `version`, `connection_name` …). The
    /// `capabilities` table is added by the protocol. Default empty.
    pub client_properties: FieldTable<'static>,
    /// Interval after which a silent peer makes us uneasy; twice that is death. Whole seconds on the
    /// wire, rounded up. Zero switches heartbeats off whatever the broker says; otherwise the smaller
    /// of both sides' non-zero wishes counts. Default 60 s, as oslo.messaging's
    /// `heartbeat_timeout_threshold`.
    pub heartbeat: Duration,
    /// Largest frame in bytes that we want, at least 4 096. Also our cap when the broker
    /// sets none. Default 131 072, RabbitMQ's own.
    pub frame_max: u32,
    /// Highest channel number that we want. Default 2 047, RabbitMQ's own.
    pub channel_max: u16,
    /// From the first byte to `connection.open-ok`. Default 5 s, as the peer's connect limit.
    pub handshake_timeout: Duration,
    /// How long an orderly close waits for the broker's `close-ok`. Default 3 s.
    pub close_timeout: Duration,
    /// Largest message body in bytes that is gathered in memory. A longer delivery is rejected
    /// without requeue and reported as [`Event::Discarded`](super::Event::Discarded). Default
    /// 128 MiB, RabbitMQ 3's own limit on publishing.
    pub max_body_size: u64,
}

impl ClientConfig {
    /// All defaults, and `login`.
    pub fn new(login: Login) -> Self {
        Self {
            login,
            virtual_host: "/".to_owned(),
            client_properties: FieldTable::new(),
            heartbeat: Duration::from_mins(1),
            frame_max: 131_072,
            channel_max: 2047,
            handshake_timeout: Duration::from_secs(5),
            close_timeout: Duration::from_secs(3),
            max_body_size: 128 << 20,
        }
    }
}

/// What a server offers to whoever connects.
///
/// Start from `ServerConfig::default()` and change fields.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ServerConfig {
    /// What clients see about us (`product`, `version` …). The `capabilities` table is added by the
    /// protocol. Default empty.
    pub server_properties: FieldTable<'static>,
    /// What the server can do beyond what the protocol sees to, such as `consumer_priorities`. Default empty.
    pub capabilities: Vec<&'static str>,
    /// SASL mechanisms on offer. Default [`Login::MECHANISMS`].
    pub mechanisms: Vec<String>,
    /// Heartbeat interval that we propose; the client decides. Default 60 s, RabbitMQ's own.
    pub heartbeat: Duration,
    /// Largest frame in bytes on offer, at least 4 096. Default 131 072.
    pub frame_max: u32,
    /// Highest channel number on offer. Default 2 047.
    pub channel_max: u16,
    /// Largest frame in bytes that is taken before login has succeeded. Default 8 192, as in
    /// RabbitMQ 4: room for client properties and a token, not for an attack.
    pub initial_frame_max: u32,
    /// From the first byte to `connection.open`. Default 10 s, RabbitMQ's own.
    pub handshake_timeout: Duration,
    /// How long an orderly close waits for the client's `close-ok`. Default 3 s.
    pub close_timeout: Duration,
    /// Largest message body in bytes. A longer one closes its channel with 311. Default 128 MiB.
    pub max_body_size: u64,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            server_properties: FieldTable::new(),
            capabilities: Vec::new(),
            mechanisms: Login::MECHANISMS
                .iter()
                .map(|&name| name.to_owned())
                .collect(),
            heartbeat: Duration::from_mins(1),
            frame_max: 131_072,
            channel_max: 2047,
            initial_frame_max: 8192,
            handshake_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(3),
            max_body_size: 128 << 20,
        }
    }
}

/// What both sides agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tuning {
    /// Highest channel number.
    pub channel_max: u16,
    /// Largest frame in bytes, its 8 bytes of frame around the payload included.
    pub frame_max: u32,
    /// Heartbeat interval; `None` when heartbeats are off.
    pub heartbeat: Option<Duration>,
}

/// The extensions of RabbitMQ that we speak, as they stand in client and server properties.
pub(super) fn capabilities() -> FieldTable<'static> {
    [
        "authentication_failure_close",
        "basic.nack",
        "connection.blocked",
        "consumer_cancel_notify",
        "exchange_exchange_bindings",
        "publisher_confirms",
    ]
    .into_iter()
    .map(|name| (name, FieldValue::Bool(true)))
    .collect()
}
