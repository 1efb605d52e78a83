//! A server has a topic and a name.

use bergen_messaging::rpc::RpcServer;
use bergen_messaging::target::ClientTarget;
use bergen_messaging::transport::RpcTransport;

fn server(transport: &RpcTransport) -> RpcServer {
    RpcServer::builder(transport, ClientTarget::new("compute")).build()
}

fn main() {}
