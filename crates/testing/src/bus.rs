//! A bus for one test.

use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bergen_memory::{MemoryDriver, QueueState};
use bergen_messaging::driver::{Driver, DriverConfig, DriverRegistry};
use bergen_messaging::transport::{
    NotificationTransport, RpcTransport, TransportError, TransportOptionsOf,
};
use bergen_messaging::url::{TransportHost, TransportUrl};
use bergen_messaging::wire::Id;
use tokio::time::Instant;

use super::driver::KitDriver;
use super::faults::{Fault, Injected};
use super::kit::Kit;
use super::messages::Messages;

/// A bus of a test's own. Everything that uses it is in this process; no other test sees it.
///
/// Give [`options`](Self::options) to the service under test, whichever URL it is configured with: the drivers there all
/// lead to this bus. See the [crate's example](crate).
///
/// Clones are handles of the same bus.
#[derive(Clone)]
pub struct TestBus {
    kit: Arc<Kit>,
    url: TransportUrl,
}

impl TestBus {
    /// An empty bus that nobody else has. Time is what it is on the runtime of the test: real, or virtual if that was
    /// started paused (`#[tokio::test(start_paused = true)]`), which is the better way to test anything with a timeout.
    ///
    /// # Panics
    /// Never in practice: the bus's own URL is in order.
    #[track_caller]
    pub fn new() -> Self {
        let name = format!("test-{}", Id::new());
        let url = TransportUrl::new("memory").with_host(TransportHost::new(name));
        match MemoryDriver::new(&url, "openstack") {
            Ok(observer) => Self {
                kit: Kit::new(observer),
                url,
            },
            Err(error) => panic!("no bus: {error}"),
        }
    }

    /// As [`new`](Self::new), and stops the clock: from here on time passes only when every task waits for it, and then
    /// at once. A call that times out after a minute takes no time.
    ///
    /// # Panics
    /// Outside of a runtime, on a runtime of several threads, or if the clock is stopped already.
    #[track_caller]
    pub fn with_virtual_time() -> Self {
        tokio::time::pause();
        Self::new()
    }

    /// Options for transports on this bus. URLs with the schemes `memory`, `fake`, `rabbit` and `kombu` all lead here, so
    /// that a service may set the URL of its configuration.
    pub fn options<D: 'static>(&self) -> TransportOptionsOf<D>
    where
        TransportOptionsOf<D>: Default,
    {
        TransportOptionsOf::<D>::default()
            .registry(self.registry())
            .url(self.url.clone())
    }

    /// Drivers that lead to this bus, under the schemes of [`options`](Self::options).
    pub fn registry(&self) -> DriverRegistry {
        let mut registry = DriverRegistry::empty();
        for scheme in ["memory", "fake", "rabbit"] {
            let bus = self.clone();
            registry.register(scheme, move |config: DriverConfig| {
                let inner = MemoryDriver::new(&bus.url, &config.control_exchange)?;
                let driver = KitDriver::new(inner, Arc::clone(&bus.kit));
                Ok(Arc::new(driver) as Arc<dyn Driver>)
            });
        }
        registry
    }

    /// A transport for calls, casts and servers.
    ///
    /// # Panics
    /// Never in practice: the options are in order.
    #[track_caller]
    pub fn rpc_transport(&self) -> RpcTransport {
        made(RpcTransport::new(
            self.options::<bergen_messaging::transport::OwnDrivers>(),
        ))
    }

    /// A transport for notifications.
    ///
    /// # Panics
    /// Never in practice: the options are in order.
    #[track_caller]
    pub fn notification_transport(&self) -> NotificationTransport {
        made(NotificationTransport::new(
            self.options::<bergen_messaging::transport::OwnDrivers>(),
        ))
    }

    /// What was sent so far, in its order: also what was lost, once what was duplicated.
    pub fn sent(&self) -> Messages {
        let sent = self.kit.sent.lock().unwrap_or_else(PoisonError::into_inner);
        Messages::new(sent.clone())
    }

    /// Forgets what was sent so far.
    pub fn forget(&self) {
        let mut sent = self.kit.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.clear();
    }

    /// Has something go wrong from now on.
    pub fn inject(&self, fault: Fault) -> Injected {
        self.kit.faults.inject(fault)
    }

    /// Ends all faults.
    pub fn heal(&self) {
        self.kit.faults.heal();
    }

    /// Cuts everybody off: what servers have not acknowledged goes back to its queues, and whoever sends waits for the
    /// bus to come back, until its deadline. Fanouts that wait for a server are lost.
    pub fn disconnect(&self) {
        self.kit.connected.send_replace(false);
        self.kit.listening.cut();
    }

    /// Ends [`disconnect`](Self::disconnect): servers are there again, and then those who wait to send go on.
    pub async fn reconnect(&self) {
        self.kit.listening.connect().await;
        self.kit.connected.send_replace(true);
    }

    /// How a queue stands, `None` if there is none of that name. Queues are named as on RabbitMQ: `<topic>`,
    /// `<topic>.<server>`, `<topic>.<priority>` for notifications, or the name of a pool.
    pub fn queue(&self, name: &str) -> Option<QueueState> {
        self.kit.observer.queue(name)
    }

    /// Waits until nothing goes on: no call waits, no handler runs, no message that was handed over is unacknowledged, and
    /// nothing is delayed. Messages that nobody listens for do not count.
    ///
    /// With the clock stopped the answer is exact: every task has come as far as it can. Else what a task does beside
    /// the bus is not known; the bus is idle when nothing has happened on it for a few milliseconds.
    ///
    /// # Panics
    /// Not idle after a minute; says what goes on. [`idle_within`](Self::idle_within) waits for another time.
    pub async fn wait_until_idle(&self) {
        let limit = Duration::from_mins(1);
        assert!(
            self.idle_within(limit).await,
            "the bus was not idle after {limit:?}; there goes on:{}",
            self.kit.activity.describe()
        );
    }

    /// As [`wait_until_idle`](Self::wait_until_idle), within this time; false if it takes longer.
    pub async fn idle_within(&self, limit: Duration) -> bool {
        let idle = async {
            loop {
                let begun = self.kit.activity.nothing().await;
                // With the clock stopped this ends when no task has anything left to do.
                tokio::time::sleep(SETTLING).await;
                if self.kit.activity.is_still(begun) {
                    return;
                }
            }
        };
        let end = Instant::now() + limit;
        tokio::time::timeout_at(end, idle).await.is_ok()
    }
}

impl Default for TestBus {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TestBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestBus")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

#[track_caller]
fn made<T>(transport: Result<T, TransportError>) -> T {
    match transport {
        Ok(transport) => transport,
        Err(error) => panic!("no transport: {error}"),
    }
}

/// How long nothing may happen for a bus to count as idle.
const SETTLING: Duration = Duration::from_millis(3);
