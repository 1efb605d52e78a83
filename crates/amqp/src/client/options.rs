//! How to reach a broker and who to be there.

use std::path::PathBuf;
use std::time::Duration;

use super::Login;

/// Everything that opening a connection needs to know.
///
/// The defaults are those of a RabbitMQ node just installed on this machine, and of oslo.messaging
/// where it has an option of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectOptions {
    /// Host name or address. It is also the name that the server's certificate is checked against.
    /// Default `localhost`.
    pub host: String,
    /// TCP port. Default 5672; with TLS brokers usually listen on 5671.
    pub port: u16,
    /// Virtual host. Default `/`.
    pub virtual_host: String,
    /// Who logs in. Default `guest` with password `guest`, which RabbitMQ accepts from loopback only.
    pub login: Login,
    /// TLS, or `None` for a connection in clear. Default `None`.
    pub tls: Option<TlsOptions>,
    /// The longest silence to propose: the smaller of this and the broker's wish is used, and a peer
    /// silent for twice as long is taken for dead. Zero switches heartbeats off. Whole seconds on the
    /// wire. Default 60 s, as oslo.messaging's `heartbeat_timeout_threshold`.
    pub heartbeat: Duration,
    /// Bound on the whole of connecting: name resolution, TCP, TLS, login, opening the virtual host.
    /// Default 5 s: a healthy broker answers in milliseconds, and a dead host must leave time for the
    /// next one within a call's deadline.
    pub connect_timeout: Duration,
    /// The name shown by the broker's management pages. Default `None`.
    pub connection_name: Option<String>,
    /// The product named in the client properties. Default `bergen`.
    pub product: String,
    /// The version named in the client properties. Default this crate's.
    pub product_version: String,
    /// The largest frame to propose, in bytes; the smaller of this and the broker's wish is used,
    /// never less than 4096. Default 131 072, RabbitMQ's own default.
    pub frame_max: u32,
    /// The most channels to propose; the smaller of this and the broker's wish is used. Default 2047,
    /// RabbitMQ's own default.
    pub channel_max: u16,
    /// Bytes that may wait for the socket before the task stops taking commands. Reading never stops.
    /// Of a body longer than a frame only the part counts that is next; the publish window bounds it.
    /// Default 256 KiB: a few turns of small messages.
    pub write_buffer_limit: usize,
    /// How much one channel may have published and not had confirmed, in bytes; see
    /// [the window](super::Publish#the-window). Default 8 MiB, which is 1024 small messages.
    pub publish_window: usize,
    /// Whether the connection lives on the process's one I/O thread rather than on the threads of the
    /// runtime that opened it. It then keeps its heartbeats whatever blocks those, at the price of a hop
    /// between threads for each message. A [`DeliverySink`](super::DeliverySink) is called on that thread
    /// too; what it spawns runs on the runtime that opened the connection. Default false.
    pub io_thread: bool,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: 5672,
            virtual_host: "/".to_owned(),
            login: Login::plain("guest", "guest"),
            tls: None,
            heartbeat: Duration::from_mins(1),
            connect_timeout: Duration::from_secs(5),
            connection_name: None,
            product: "bergen".to_owned(),
            product_version: env!("CARGO_PKG_VERSION").to_owned(),
            frame_max: 131_072,
            channel_max: 2047,
            write_buffer_limit: 256 * 1024,
            publish_window: 8 * 1024 * 1024,
            io_thread: false,
        }
    }
}

/// TLS settings. The version is 1.2 or later, always.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// PEM file with the certificates to trust, and no others. Default `None`: those of the operating
    /// system. oslo.messaging: `ssl_ca_file`.
    pub ca_file: Option<PathBuf>,
    /// PEM file with the client's certificate chain; needs `key_file`. oslo.messaging: `ssl_cert_file`.
    pub cert_file: Option<PathBuf>,
    /// PEM file with the client's private key (PKCS#8, PKCS#1 or SEC1); needs `cert_file`.
    /// oslo.messaging: `ssl_key_file`.
    pub key_file: Option<PathBuf>,
    /// Whether the server must prove who it is. Default [`Verify::Full`].
    pub verify: Verify,
}

/// Whether the server's certificate is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verify {
    /// The chain must lead to a trusted certificate and the name must be that of the host connected to.
    #[default]
    Full,
    /// Nothing is checked: anybody on the way can read and change everything. Each connect logs a
    /// warning.
    None,
}

#[cfg(test)]
mod tests;
