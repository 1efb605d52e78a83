//! Where clients come from: TCP, TLS and Unix sockets.

mod certificate;
mod doorstep;
mod peer;
mod safety;
mod tls;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_rustls::TlsAcceptor;

pub use self::doorstep::{Doorstep, Place};
pub use self::peer::{Peer, TlsPeer};
pub use self::safety::check_safety;
pub use self::tls::TlsFiles;

#[cfg(test)]
mod tests;

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Listen {
    /// Plain TCP. Port 0 is any free one.
    Tcp(SocketAddr),
    /// TLS over TCP.
    Tls(SocketAddr, TlsFiles),
    /// A Unix socket, which only its owner may use (mode 0600). One that a broker left behind is replaced.
    Unix(PathBuf),
}

/// Where a listener listens, with the port that it was given.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// Plain TCP.
    Tcp(SocketAddr),
    /// TLS over TCP.
    Tls(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

/// Why nobody listens.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The system does not let us.
    #[error("cannot listen on {address}: {cause}{}", way_out(cause))]
    Bind {
        /// Where.
        address: Address,
        /// Why.
        cause: io::Error,
    },
    /// Somebody has the Unix socket already.
    #[error(
        "cannot listen on {}: a broker is using it, or a file of this name is no socket",
        path.display()
    )]
    SocketInUse {
        /// Which.
        path: PathBuf,
    },
    /// A file of certificates or keys cannot be used.
    #[error("cannot use {}: {reason}", path.display())]
    Certificate {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Others could reach a broker without users of its own.
    #[error(
        "{address} can be reached from other machines, but there is no user with a password: give users \
         (--user, --users-file), listen on a loopback address, or allow it with --insecure"
    )]
    NoUsers {
        /// Where it was to listen.
        address: SocketAddr,
    },
    /// Passwords and messages would travel in clear.
    #[error(
        "{address} can be reached from other machines, and without TLS passwords and messages go there in clear: \
         give a certificate (--tls-cert, --tls-key), listen on a loopback address, or allow it with --insecure"
    )]
    NoTls {
        /// Where it was to listen.
        address: SocketAddr,
    },
}

/// A stream of bytes to a client.
pub trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// An open socket that clients connect to.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    address: Address,
}

/// A client that has connected, and has not said anything yet.
pub struct Incoming {
    socket: Accepted,
    peer: Peer,
}

enum Socket {
    Tcp(TcpListener),
    Tls(TcpListener, TlsAcceptor),
    Unix(UnixListener),
}

enum Accepted {
    Tcp(TcpStream),
    Tls(TcpStream, TlsAcceptor),
    Unix(UnixStream),
}

/// How long nobody is accepted after the system refused to: when it is out of files, the next try would fail too.
const PAUSE: Duration = Duration::from_millis(100);
/// Connections that the system keeps until we accept them. RabbitMQ's 128 is little for a thousand clients that come
/// back at once.
const BACKLOG: u32 = 1024;

impl Listener {
    /// Opens the socket, and reads certificates and keys.
    pub async fn bind(listen: &Listen) -> Result<Self, ListenError> {
        match listen {
            Listen::Tcp(address) => {
                let (socket, address) = bind_tcp(*address).map_err(at(Address::Tcp(*address)))?;
                Ok(Self {
                    socket: Socket::Tcp(socket),
                    address: Address::Tcp(address),
                })
            }
            Listen::Tls(address, files) => {
                let acceptor = tls::acceptor(files)?;
                let (socket, address) = bind_tcp(*address).map_err(at(Address::Tls(*address)))?;
                Ok(Self {
                    socket: Socket::Tls(socket, acceptor),
                    address: Address::Tls(address),
                })
            }
            Listen::Unix(path) => {
                remove_stale(path).await?;
                let address = Address::Unix(path.clone());
                let socket = bind_unix(path).map_err(at(address.clone()))?;
                Ok(Self {
                    socket: Socket::Unix(socket),
                    address,
                })
            }
        }
    }

    /// Where it listens.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Waits for the next client. May be dropped and called again; nobody is lost.
    ///
    /// When the system is out of files or memory it waits until that is over: those who are connected are served on.
    pub async fn accept(&self) -> Incoming {
        let mut is_first = true;
        loop {
            match self.try_accept().await {
                Ok(incoming) => return incoming,
                // A client that left while it waited: the next one may be there.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    if is_first {
                        tracing::error!(address = %self.address, "cannot accept connections for now: {error}");
                    }
                    is_first = false;
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn try_accept(&self) -> io::Result<Incoming> {
        let (socket, peer) = match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, peer) = accept_tcp(listener).await?;
                (Accepted::Tcp(stream), peer)
            }
            Socket::Tls(listener, acceptor) => {
                let (stream, peer) = accept_tcp(listener).await?;
                (Accepted::Tls(stream, acceptor.clone()), peer)
            }
            Socket::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                (Accepted::Unix(stream), Peer::unix())
            }
        };
        Ok(Incoming { socket, peer })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Address::Unix(path) = &self.address {
            // Somebody may have removed it before us.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Incoming {
    /// Who it is, as far as that is known before TLS.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Goes through the handshake of TLS, where there is one. It lasts as long as the client wants: give it a limit.
    pub async fn open(self) -> io::Result<(Box<dyn Stream>, Peer)> {
        Ok(match self.socket {
            Accepted::Tcp(stream) => (Box::new(stream), self.peer),
            Accepted::Unix(stream) => (Box::new(stream), self.peer),
            Accepted::Tls(stream, acceptor) => {
                let stream = acceptor.accept(stream).await?;
                let tls = tls::peer(stream.get_ref().1);
                (Box::new(stream), self.peer.secured(tls))
            }
        })
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = if address.is_ipv4() {
        tokio::net::TcpSocket::new_v4()?
    } else {
        tokio::net::TcpSocket::new_v6()?
    };
    // A broker that starts again need not wait for the connections of the one before it to fade.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

async fn accept_tcp(listener: &TcpListener) -> io::Result<(TcpStream, Peer)> {
    let (stream, peer) = listener.accept().await?;
    // Answers leave at once: the server gathers them itself. If it fails the connection is gone, and will say so.
    let _ = stream.set_nodelay(true);
    let local = stream.local_addr()?;
    Ok((stream, Peer::tcp(peer, local)))
}

/// Removes a socket that nobody answers on any more.
async fn remove_stale(path: &Path) -> Result<(), ListenError> {
    let in_use = || ListenError::SocketInUse {
        path: path.to_owned(),
    };
    let Ok(metadata) = std::fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !metadata.file_type().is_socket() {
        return Err(in_use());
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(at(Address::Unix(path.to_owned())))
        }
        _ => Err(in_use()),
    }
}

fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

fn at(address: Address) -> impl FnOnce(io::Error) -> ListenError {
    |cause| ListenError::Bind { address, cause }
}

fn way_out(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => " (another broker? choose another port; 0 is any free one)",
        io::ErrorKind::AddrNotAvailable => " (not an address of this machine)",
        _ => "",
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) | Self::Tls(address) => address.fmt(formatter),
            Self::Unix(path) => path.display().fmt(formatter),
        }
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Tcp(_) => "Tcp",
            Self::Tls(..) => "Tls",
            Self::Unix(_) => "Unix",
        })
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Incoming")
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}
