//! The backdoor: a socket of this machine that shows what a process is at, and changes nothing.

mod port;
mod ports;
mod session;

#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::ServiceError;
use crate::introspect::{Door, LocalSocket, Observer, Settings};
pub use port::BackdoorPort;
use ports::BackdoorPorts;

/// An open backdoor: oslo.service's, with commands that only show, in place of a Python prompt.
#[derive(Debug)]
pub(crate) struct Backdoor {
    listener: Listener,
}

#[derive(Debug)]
enum Listener {
    /// On the loopback interface.
    Tcp(TcpListener),
    Local(LocalSocket),
}

impl Backdoor {
    /// As the options say; `None` if they want none. The socket wins over the port, as in the peer.
    pub(crate) async fn open(settings: &Settings) -> Result<Option<Self>, ServiceError> {
        let listener = if let Some(path) = &settings.backdoor_socket {
            let socket = LocalSocket::bind(path).await;
            let failed = |error| refused("backdoor_socket", path.display(), &error);
            Listener::Local(socket.map_err(failed)?)
        } else if let Some(text) = &settings.backdoor_port {
            let ports: BackdoorPorts = text
                .parse()
                .map_err(|error| ServiceError::from_error(&error))?;
            let listener = bind(&ports).await;
            Listener::Tcp(listener.map_err(|error| refused("backdoor_port", text, &error))?)
        } else {
            return Ok(None);
        };
        let backdoor = Self { listener };
        backdoor.log();
        Ok(Some(backdoor))
    }

    /// Where it is; `None` if the system does not say.
    pub(crate) fn port(&self) -> Option<BackdoorPort> {
        match &self.listener {
            Listener::Tcp(listener) => Some(listener.local_addr().ok()?.port().into()),
            Listener::Local(socket) => Some(BackdoorPort::Socket(socket.path().to_owned())),
        }
    }

    /// Serves for ever.
    pub(crate) async fn serve(self, observer: Arc<Observer>) {
        let door = Door::new();
        match self.listener {
            Listener::Tcp(listener) => {
                let accept = || async { listener.accept().await.map(|(stream, _)| stream) };
                door.serve(accept, |stream| {
                    session::serve(stream, Arc::clone(&observer))
                })
                .await;
            }
            Listener::Local(socket) => {
                door.serve(
                    || socket.accept(),
                    |stream| session::serve(stream, Arc::clone(&observer)),
                )
                .await;
            }
        }
    }

    fn log(&self) {
        let process = std::process::id();
        match self.port() {
            Some(BackdoorPort::Port(port)) => {
                tracing::info!("Backdoor of process {process} is open on 127.0.0.1:{port}");
            }
            Some(BackdoorPort::Socket(path)) => {
                tracing::info!(
                    "Backdoor of process {process} is open on {}",
                    path.display()
                );
            }
            None => {}
        }
    }
}

async fn bind(ports: &BackdoorPorts) -> io::Result<TcpListener> {
    let mut last = io::ErrorKind::AddrInUse.into();
    for port in ports.candidates() {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn refused(option: &str, value: impl fmt::Display, error: &io::Error) -> ServiceError {
    ServiceError::new(format!(
        "the backdoor can not be opened, with {option} = {value}: {error}; choose another, or none"
    ))
}
