//! Without messages, `Display` is the enum's own affair.

use std::fmt;

use bergen::rpc::{RemoteError, RpcError};

#[derive(Debug, RpcError)]
#[rpc(module = "neutron_lib.exceptions")]
enum NetworkError {
    NetworkNotFound {
        #[rpc(name = "net_id")]
        network: String,
    },
    #[rpc(transparent)]
    Remote(RemoteError),
}

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NetworkNotFound { network } => write!(f, "Network {network} could not be found."),
            Self::Remote(remote) => remote.fmt(f),
        }
    }
}

impl std::error::Error for NetworkError {}

fn main() {}
