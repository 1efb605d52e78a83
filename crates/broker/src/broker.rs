//! A running broker, as the program that started it sees it.

use std::net::SocketAddr;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::builder::Builder;
use crate::management::Management;
use crate::server::Control;
use crate::server::listen::Address;

/// A running broker. It stops when this is dropped; [`stop`](Self::stop) also waits for that.
#[derive(Debug)]
pub struct Broker {
    pub(crate) control: Control,
    pub(crate) addresses: Vec<Address>,
    pub(crate) login: Option<(String, String)>,
    pub(crate) management: Option<Management>,
    pub(crate) stop: Option<oneshot::Sender<()>>,
    pub(crate) thread: Option<JoinHandle<()>>,
}

impl Broker {
    /// A broker that listens on any free port of 127.0.0.1, keeps everything in memory, and lets `guest` in with the
    /// password `guest`, unless it is told otherwise.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where it listens, in the order of [`Builder::listen`].
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// The first address as a URL of its default virtual host, with the login of `guest` if that is let in:
    /// `amqp://guest:guest@127.0.0.1:5672/%2F`. A broker on Unix sockets only has `unix:PATH`.
    pub fn url(&self) -> String {
        let login = self.login.as_ref();
        let login = login.map_or_else(String::new, |(user, password)| {
            format!("{user}:{password}@")
        });
        match self.addresses.first() {
            Some(Address::Tcp(address)) => format!("amqp://{login}{address}/%2F"),
            Some(Address::Tls(address)) => format!("amqps://{login}{address}/%2F"),
            Some(Address::Unix(path)) => format!("unix:{}", path.display()),
            None => String::new(),
        }
    }

    /// Where the management API listens, if [`Builder::http`] was asked for.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.management.as_ref().map(Management::address)
    }

    /// The way to ask the broker, and to have it do something.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Stops: nobody is let in any more, clients are told (320) and have 2 s to answer, and with
    /// [`Builder::data`] all that was promised is on the disk when this returns.
    pub async fn stop(mut self) {
        if let Some(management) = self.management.take() {
            management.stop().await;
        }
        self.stop.take();
        let Some(thread) = self.thread.take() else {
            return;
        };
        // Waiting for a thread blocks.
        let waited = tokio::task::spawn_blocking(move || thread.join()).await;
        if !matches!(waited, Ok(Ok(()))) {
            tracing::error!("the broker's thread has panicked");
        }
    }
}
