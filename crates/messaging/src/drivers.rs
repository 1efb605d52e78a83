//! The drivers of this library. Each is a room of its own and registers like anybody else's.

pub mod rabbit;

use crate::driver::DriverRegistry;

/// Registers every driver of this library.
pub fn register(registry: &mut DriverRegistry) {
    rabbit::register(registry);
}
