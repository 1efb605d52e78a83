//! What a service of OpenStack needs beyond the bus: versioned objects, request contexts, and the lives of nova's
//! services and neutron's agents.

pub mod context;
#[cfg(test)]
mod log_lines;
pub mod neutron;
pub mod nova;
pub mod objects;
