//! Sockets and the thread they live on.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::LocalSet;
use tokio::time::{sleep, timeout};

use super::api::{Api, Socket};
use super::sampler;
use super::settings::HttpSettings;
use crate::server::Control;
use crate::server::listen::Address;

/// How long a socket may live, whatever it does: one that is never read from or idle forever gives its place back.
const MAX_LIFE: Duration = Duration::from_mins(5);
/// The longest head of a request: all of its headers.
const MAX_HEAD: usize = 16 << 10;
/// How long to wait when the system has no more sockets.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// Why the HTTP face did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManagementError {
    /// The address cannot be listened on.
    #[error("cannot listen for HTTP on {address}: {source}")]
    Listen {
        /// As given.
        address: String,
        /// The system's reason.
        source: io::Error,
    },
    /// Passwords would cross the network in the clear.
    #[error(
        "HTTP on {address} would send passwords in the clear to other machines: listen on 127.0.0.1, or allow it as insecure"
    )]
    Unencrypted {
        /// As given.
        address: String,
    },
    /// The system gave no thread or no runtime.
    #[error("cannot start the thread of the HTTP face: {0}")]
    Thread(io::Error),
}

/// The running HTTP face. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Management {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Management {
    /// Listens, and answers from now on. `addresses` are those where the broker listens for clients.
    pub(crate) async fn start(
        settings: HttpSettings,
        addresses: Vec<Address>,
        control: Control,
    ) -> Result<Self, ManagementError> {
        let address = settings.listen.clone();
        let failed = |source| ManagementError::Listen {
            address: address.clone(),
            source,
        };
        let candidates: Vec<SocketAddr> = tokio::net::lookup_host(&settings.listen)
            .await
            .map_err(failed)?
            .collect();
        if !settings.insecure && candidates.iter().any(|address| !address.ip().is_loopback()) {
            return Err(ManagementError::Unencrypted { address });
        }
        let listener = std::net::TcpListener::bind(candidates.as_slice()).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;

        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ManagementError::Thread)?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("bergen-http".to_owned())
            .spawn(move || {
                let api = Rc::new(Api::new(settings, address, addresses, control));
                LocalSet::new().block_on(&runtime, async move {
                    tokio::select! {
                        () = serve(listener, Rc::clone(&api)) => {}
                        () = sampler::run(&api) => {}
                        // Sent, or dropped with its owner.
                        _ = stopped => {}
                    }
                });
            })
            .map_err(ManagementError::Thread)?;
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends, with all its connections.
    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let joined = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                tracing::error!("the thread of the HTTP face panicked");
            }
        }
    }
}

async fn serve(listener: std::net::TcpListener, api: Rc<Api>) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "the HTTP face cannot listen");
            return;
        }
    };
    let places = Arc::new(Semaphore::new(api.settings.max_connections.max(1)));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((socket, peer)) => {
                let api = Rc::clone(&api);
                tokio::task::spawn_local(async move {
                    if timeout(MAX_LIFE, connection(socket, peer, api))
                        .await
                        .is_err()
                    {
                        tracing::debug!(%peer, "an HTTP connection was too old");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "an HTTP connection could not be accepted");
                sleep(EXHAUSTED).await;
            }
        }
    }
}

async fn connection(socket: TcpStream, peer: SocketAddr, api: Rc<Api>) {
    let Ok(local) = socket.local_addr() else {
        return;
    };
    let _ = socket.set_nodelay(true);
    let wait = api.settings.timeout;
    let service = service_fn(move |request| {
        let api = Rc::clone(&api);
        async move {
            let socket = Socket { peer, local };
            Ok::<_, std::convert::Infallible>(api.respond(request, socket).await)
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(wait)
        .max_headers(64)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(socket), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%peer, %error, "an HTTP connection ended early");
    }
}
