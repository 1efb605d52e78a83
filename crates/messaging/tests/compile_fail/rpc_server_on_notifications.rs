//! Nor do servers listen on it.

use bergen_messaging::rpc::RpcServer;
use bergen_messaging::target::ServerTarget;
use bergen_messaging::transport::NotificationTransport;

fn server(transport: &NotificationTransport) -> RpcServer {
    RpcServer::builder(transport, ServerTarget::new("compute", "host-1")).build()
}

fn main() {}
