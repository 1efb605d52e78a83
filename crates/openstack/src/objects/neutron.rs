//! neutron's objects.

mod agent;

pub use agent::Agent;

use super::{NEUTRON, Registry};

/// The classes of this module.
pub fn registry() -> Registry {
    Registry::new(NEUTRON).with::<Agent>()
}

#[cfg(test)]
mod tests;
