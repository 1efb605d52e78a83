//! RPC does not go over the transport of notifications.

use bergen_messaging::rpc::RpcClient;
use bergen_messaging::target::ClientTarget;
use bergen_messaging::transport::NotificationTransport;

fn client(transport: &NotificationTransport) -> RpcClient {
    RpcClient::new(transport, ClientTarget::new("compute"))
}

fn main() {}
