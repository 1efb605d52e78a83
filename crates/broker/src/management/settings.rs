//! What may be chosen about the HTTP face.

use std::net::SocketAddr;
use std::time::Duration;

/// How the management API behaves. It is off unless an address is given.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpSettings {
    /// Where to listen, for example `127.0.0.1:15672`. Port 0 takes a free one.
    pub listen: String,
    /// Names by which the API may be called besides `localhost` and addresses of this machine. A request with another
    /// `Host` is refused, so that no page in a browser can reach the API by a name that it made to point here.
    pub hosts: Vec<String>,
    /// Whether to listen beyond loopback although nothing is encrypted. Default `false`.
    pub insecure: bool,
    /// The longest body of a request, in bytes. Default 2 MiB: definitions of thousands of queues fit.
    pub max_body: usize,
    /// How many sockets may be open at once; the next waits in the system's queue. Default 64.
    pub max_connections: usize,
    /// Requests a second from one address on average; ten times as many may come at once. Default 200: dashboards ask
    /// a few times a second.
    pub requests_per_second: u32,
    /// The longest list that is answered without `page`. Default 10 000.
    pub max_items: usize,
    /// How long a request may take to arrive, its head and its body each. Default 10 s.
    pub timeout: Duration,
}

impl HttpSettings {
    /// The defaults, listening there.
    pub fn new(listen: impl Into<String>) -> Self {
        Self {
            listen: listen.into(),
            hosts: Vec::new(),
            insecure: false,
            max_body: 2 << 20,
            max_connections: 64,
            requests_per_second: 200,
            max_items: 10_000,
            timeout: Duration::from_secs(10),
        }
    }
}

impl From<&str> for HttpSettings {
    fn from(listen: &str) -> Self {
        Self::new(listen)
    }
}

impl From<String> for HttpSettings {
    fn from(listen: String) -> Self {
        Self::new(listen)
    }
}

impl From<SocketAddr> for HttpSettings {
    fn from(listen: SocketAddr) -> Self {
        Self::new(listen.to_string())
    }
}
