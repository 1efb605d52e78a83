//! nova's objects, as they are from nova 28 (2023.2) to 34 (2026.2).

mod compute_node;
mod error;
mod pci;
mod service;

pub use compute_node::{ComputeNode, HVSpec};
pub use error::{ServiceError, ServiceId};
pub use pci::{PciDevicePool, PciDevicePoolList};
pub use service::{Service, ServiceList};

use super::{NOVA, Registry};

/// The classes of this module.
pub fn registry() -> Registry {
    Registry::new(NOVA).with::<ServiceList>()
}

#[cfg(test)]
mod tests;
