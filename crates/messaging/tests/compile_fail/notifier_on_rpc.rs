//! Notifications do not go over the transport of RPC.

use bergen_messaging::notify::Notifier;
use bergen_messaging::transport::RpcTransport;

fn notifier(transport: &RpcTransport) -> Notifier {
    Notifier::new(transport, "compute.host-1")
}

fn main() {}
