//! Connections on a thread of their own, for programs whose code blocks the runtime's threads.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::task::JoinHandle;

/// Runs `future` on the process's I/O thread, which starts with the first call. Dropping what is returned
/// drops `future` too.
pub(super) async fn run<T, F>(future: F) -> io::Result<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let mut running = Running(handle()?.spawn(future));
    (&mut running.0).await.map_err(io::Error::other)
}

/// A future whose code belongs to the runtime of `home`, wherever it is polled: what it spawns goes there.
pub(super) struct AtHome<F> {
    home: Handle,
    future: F,
}

impl<F> AtHome<F> {
    pub(super) fn new(home: Handle, future: F) -> Self {
        Self { home, future }
    }
}

impl<F: Future + Unpin> Future for AtHome<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let _home = this.home.enter();
        Pin::new(&mut this.future).poll(cx)
    }
}

/// A task that ends with whoever waits for it.
struct Running<T>(JoinHandle<T>);

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The runtime of the I/O thread. It lives as long as the process: connections come and go, and a thread
/// that only waits costs nothing.
fn handle() -> io::Result<Handle> {
    static HANDLE: OnceLock<Result<Handle, (io::ErrorKind, String)>> = OnceLock::new();
    let started = HANDLE.get_or_init(|| start().map_err(|error| (error.kind(), error.to_string())));
    started
        .clone()
        .map_err(|(kind, text)| io::Error::new(kind, text))
}

fn start() -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name("bergen-io".to_owned())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))?;
    Ok(handle)
}
