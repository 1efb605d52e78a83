use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::{TestbedError, ports};

mod pump;
#[cfg(test)]
mod tests;

/// Changes bytes on their way; it sees them in the pieces in which they arrived.
pub type Mutation = Arc<dyn Fn(&mut Vec<u8>) + Send + Sync>;

/// Which way bytes go through a [`FaultProxy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client that connected to the proxy, to the target.
    ToServer,
    /// From the target back to the client.
    ToClient,
}

/// A TCP proxy on the loopback interface that can do to a connection what networks do.
///
/// Every control takes effect at once, also on bytes that are on their way, and stays until it is
/// taken back or [`heal`](Self::heal) is called. It applies to all connections of the proxy;
/// start one proxy for each link that is to fail by itself. Dropping it cuts everything.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl FaultProxy {
    /// Listens on a free port and forwards to `target`.
    pub async fn start(target: SocketAddr) -> Result<Self, TestbedError> {
        let listener = TcpListener::bind(ports::local(0))
            .await
            .map_err(TestbedError::io("starting a fault proxy"))?;
        let address = listener
            .local_addr()
            .map_err(TestbedError::io("starting a fault proxy"))?;
        let shared = Arc::new(Shared::new(target));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self {
            address,
            shared,
            accepting,
        })
    }

    /// Listens on a free port and forwards to a port on this machine.
    pub async fn to_port(port: u16) -> Result<Self, TestbedError> {
        Self::start(ports::local(port)).await
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port that clients connect to.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Sends connections that are made from now on to another target.
    pub fn retarget(&self, target: SocketAddr) {
        self.shared.target.send_replace(target);
    }

    /// Lets every byte arrive later by `delay`, without slowing the stream down.
    pub fn delay(&self, direction: Direction, delay: Duration) {
        self.set(direction, |faults| faults.delay = delay);
    }

    /// Lets at most so many bytes through a second; `None` lifts it.
    pub fn throttle(&self, direction: Direction, bytes_per_second: Option<u64>) {
        self.set(direction, |faults| {
            faults.bytes_per_second = bytes_per_second;
        });
    }

    /// Keeps bytes back until it is called with `false`; then they go on, none is lost.
    pub fn hold(&self, direction: Direction, hold: bool) {
        self.set(direction, |faults| faults.hold = hold);
    }

    /// Takes bytes and forwards nothing; they are lost for good.
    pub fn black_hole(&self, direction: Direction, on: bool) {
        self.set(direction, |faults| faults.black_hole = on);
    }

    /// Changes bytes on their way.
    pub fn mutate(
        &self,
        direction: Direction,
        mutation: impl Fn(&mut Vec<u8>) + Send + Sync + 'static,
    ) {
        self.set(direction, |faults| {
            faults.mutation = Some(Arc::new(mutation));
        });
    }

    /// Breaks all connections off, as a reset does. New ones are accepted: see
    /// [`refuse`](Self::refuse).
    pub fn cut(&self) {
        self.shared.cut();
    }

    /// Lets exactly `bytes` more through, counted over all connections, then cuts: in the middle
    /// of a frame if that is where the number falls.
    pub fn cut_after(&self, direction: Direction, bytes: u64) {
        self.set(direction, |faults| faults.cut_after = Some(bytes));
    }

    /// Ends one direction in order (a FIN) and discards what still comes that way; the other
    /// direction stays.
    pub fn half_close(&self, direction: Direction) {
        self.set(direction, |faults| faults.half_closed = true);
    }

    /// Breaks off every new connection as soon as it is made, while `true`.
    pub fn refuse(&self, refuse: bool) {
        self.shared.refuse.send_replace(refuse);
    }

    /// Takes all faults back. Connections that were cut or half closed stay so.
    pub fn heal(&self) {
        self.refuse(false);
        for direction in [Direction::ToServer, Direction::ToClient] {
            self.set(direction, |faults| *faults = Faults::default());
        }
    }

    /// How many bytes have been let through.
    pub fn forwarded(&self, direction: Direction) -> u64 {
        self.shared.way(direction).forwarded.load(Ordering::Relaxed)
    }

    /// How many connections there are now.
    pub fn connections(&self) -> usize {
        self.shared.open.load(Ordering::Relaxed)
    }

    /// How many connections have been made since the start, refused ones included.
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    fn set(&self, direction: Direction, change: impl FnOnce(&mut Faults)) {
        self.shared.way(direction).faults.send_modify(change);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

#[derive(Debug)]
struct Shared {
    target: watch::Sender<SocketAddr>,
    refuse: watch::Sender<bool>,
    cuts: watch::Sender<u64>,
    to_server: Way,
    to_client: Way,
    open: AtomicUsize,
    accepted: AtomicUsize,
}

/// What happens to bytes that go one way.
#[derive(Debug, Default)]
struct Way {
    faults: watch::Sender<Faults>,
    forwarded: AtomicU64,
}

#[derive(Clone, Default)]
struct Faults {
    delay: Duration,
    bytes_per_second: Option<u64>,
    hold: bool,
    black_hole: bool,
    half_closed: bool,
    cut_after: Option<u64>,
    mutation: Option<Mutation>,
}

impl Shared {
    fn new(target: SocketAddr) -> Self {
        Self {
            target: watch::Sender::new(target),
            refuse: watch::Sender::new(false),
            cuts: watch::Sender::new(0),
            to_server: Way::default(),
            to_client: Way::default(),
            open: AtomicUsize::new(0),
            accepted: AtomicUsize::new(0),
        }
    }

    fn way(&self, direction: Direction) -> &Way {
        match direction {
            Direction::ToServer => &self.to_server,
            Direction::ToClient => &self.to_client,
        }
    }

    fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults")
            .field("delay", &self.delay)
            .field("bytes_per_second", &self.bytes_per_second)
            .field("hold", &self.hold)
            .field("black_hole", &self.black_hole)
            .field("half_closed", &self.half_closed)
            .field("cut_after", &self.cut_after)
            .field("mutation", &self.mutation.is_some())
            .finish()
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Aborting the accept loop drops the set, which aborts the connections.
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        shared.accepted.fetch_add(1, Ordering::Relaxed);
        if *shared.refuse.borrow() {
            reset(&client);
            continue;
        }
        // Counted and watched from here on, so that a cut right after the accept is not missed.
        let cuts = shared.cuts.subscribe();
        connections.spawn(connection(client, cuts, Open::new(Arc::clone(&shared))));
    }
}

async fn connection(mut client: TcpStream, mut cuts: watch::Receiver<u64>, open: Open) {
    let shared = &open.0;
    let target = *shared.target.borrow();
    let Ok(mut server) = TcpStream::connect(target).await else {
        reset(&client);
        return;
    };
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let cut = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let forward = async {
            tokio::join!(
                pump::pump(shared, &shared.to_server, from_client, to_server),
                pump::pump(shared, &shared.to_client, from_server, to_client),
            );
        };
        tokio::select! {
            () = forward => false,
            _ = cuts.changed() => true,
        }
    };
    if cut {
        reset(&client);
        reset(&server);
    }
}

/// Makes the coming close a reset.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

/// Counts a connection as long as it is there.
struct Open(Arc<Shared>);

impl Open {
    fn new(shared: Arc<Shared>) -> Self {
        shared.open.fetch_add(1, Ordering::Relaxed);
        Self(shared)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
