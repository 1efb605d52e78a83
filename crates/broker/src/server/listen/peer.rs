//! Who is on the other end.

use std::fmt;
use std::net::SocketAddr;

/// What the socket tells of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Peer {
    /// Its address; `None` on a Unix socket.
    pub peer: Option<SocketAddr>,
    /// Ours, as it sees it.
    pub local: Option<SocketAddr>,
    /// Whether it is on this machine. On a Unix socket it always is.
    pub loopback: bool,
    /// What was agreed on, if TLS is spoken.
    pub tls: Option<TlsPeer>,
}

/// What TLS tells of a client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsPeer {
    /// The version: `tlsv1.2` or `tlsv1.3`, as RabbitMQ calls them.
    pub protocol: String,
    /// The cipher suite.
    pub cipher: String,
    /// The one common name of the client's certificate, which an authority that we trust has signed. `None` without
    /// certificate, and when it has no common name, or several.
    pub certificate_name: Option<String>,
}

impl Peer {
    /// A client over TCP.
    pub fn tcp(peer: SocketAddr, local: SocketAddr) -> Self {
        Self {
            peer: Some(peer),
            local: Some(local),
            loopback: peer.ip().to_canonical().is_loopback(),
            tls: None,
        }
    }

    /// A client on a Unix socket.
    pub fn unix() -> Self {
        Self {
            peer: None,
            local: None,
            loopback: true,
            tls: None,
        }
    }

    /// The name of its certificate.
    pub fn certificate_name(&self) -> Option<&str> {
        self.tls.as_ref()?.certificate_name.as_deref()
    }

    pub(super) fn secured(mut self, tls: TlsPeer) -> Self {
        self.tls = Some(tls);
        self
    }

    #[cfg(test)]
    pub(crate) fn with_tls(self, certificate_name: Option<String>) -> Self {
        self.secured(TlsPeer {
            certificate_name,
            ..TlsPeer::default()
        })
    }
}

/// The name of the connection as RabbitMQ makes it: `127.0.0.1:50000 -> 127.0.0.1:5672`.
impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.peer, self.local) {
            (Some(peer), Some(local)) => write!(formatter, "{peer} -> {local}"),
            _ => formatter.write_str("a program on this machine"),
        }
    }
}
