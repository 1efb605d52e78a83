//! Transports: a driver, the default exchange, and what failures may become.
//!
//! The scheme of the URL chooses the driver: `rabbit` for RabbitMQ and whatever else speaks AMQP 0-9-1, `memory` for a
//! bus inside this process (feature `memory`, on by default). A program's own drivers join them in a
//! [`DriverRegistry`].

use bergen_messaging::driver::DriverRegistry;

pub use bergen_messaging::transport::*;

/// What a transport is made from, with all drivers of this library to choose from.
pub type TransportOptions = TransportOptionsOf<Drivers>;

/// All drivers of this library: those of `bergen-messaging`, and `memory`.
#[derive(Debug, Clone, Copy)]
pub enum Drivers {}

impl DriverSet for Drivers {
    fn registry() -> DriverRegistry {
        #[cfg_attr(
            not(feature = "memory"),
            expect(unused_mut, reason = "there may be no more drivers")
        )]
        let mut registry = DriverRegistry::default();
        #[cfg(feature = "memory")]
        bergen_memory::register(&mut registry);
        registry
    }
}
