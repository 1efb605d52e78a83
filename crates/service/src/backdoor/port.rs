//! Where a process's backdoor is.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// Where the backdoor of a process is, as nova's `get_backdoor_port` tells it: a number, or a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum BackdoorPort {
    /// A TCP port of the loopback interface: option `backdoor_port`.
    Port(u16),
    /// A Unix socket: option `backdoor_socket`.
    Socket(PathBuf),
}

impl From<u16> for BackdoorPort {
    fn from(port: u16) -> Self {
        Self::Port(port)
    }
}
