//! The `memory` driver: a bus inside one process, for tests, demos and programs that are one process.
//!
//! `memory://bus-name` leads to the bus of that name; a bus is there as long as somebody uses it. `fake://` is the same
//! under the peer's name for such a driver. Exchanges, queues, prefetch, acknowledgements and redelivery are those of
//! bergen's broker: the driver is built on its core, and what holds on RabbitMQ holds here. What has no counterpart is
//! the connection: nothing is encoded, nothing is lost, and there is no thread and no task behind it.
//!
//! Time is tokio's, so everything works under its paused clock. A bus that is used from several runtimes needs them to
//! agree on the time: pause none of their clocks.
//!
//! ```
//! use bergen_messaging::driver::DriverRegistry;
//! use bergen_messaging::transport::{RpcTransport, TransportOptions};
//!
//! # fn main() -> Result<(), bergen_messaging::transport::TransportError> {
//! let mut registry = DriverRegistry::default();
//! bergen_memory::register(&mut registry);
//! let transport = RpcTransport::new(
//!     TransportOptions::default().registry(registry).url("memory://example".parse()?),
//! )?;
//! # Ok(())
//! # }
//! ```

mod bus;
mod buses;
mod call;
mod caller;
mod callers;
mod driver;
mod listener;
mod outlet;
mod parcel;
mod responder;
mod settings;
mod stats;
mod topology;

use std::sync::Arc;

use bergen_messaging::driver::{Driver, DriverConfig, DriverError, DriverRegistry};

pub use bus::QueueState;
pub use driver::MemoryDriver;
pub use settings::MemoryOptions;
pub use stats::MemoryStats;

/// Registers the driver under `memory` and `fake`.
pub fn register(registry: &mut DriverRegistry) {
    for scheme in ["memory", "fake"] {
        registry.register(scheme, |config: DriverConfig| create(&config));
    }
}

fn create(config: &DriverConfig) -> Result<Arc<dyn Driver>, DriverError> {
    let driver = MemoryDriver::new(&config.url, &config.control_exchange)?;
    Ok(Arc::new(driver))
}
