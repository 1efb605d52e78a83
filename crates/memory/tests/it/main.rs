//! The tests of `bergen-memory` as a program sees it. What all drivers promise is tested by the suite in
//! `bergen-testing`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly, as the tests themselves"
)]

mod bounds;
mod buses;
mod notifications;
mod runtimes;
mod virtual_time;

use bergen_messaging::driver::DriverRegistry;
use bergen_messaging::rpc::{Call, DynamicEndpoint, MethodError, RpcClient, RpcServer};
use bergen_messaging::target::{ClientTarget, EndpointTarget, ServerTarget};
use bergen_messaging::transport::{
    NotificationTransport, RpcTransport, TransportError, TransportOptions,
};
use bergen_messaging::wire::Id;

/// A URL of a bus that no other test uses.
fn url() -> String {
    format!("memory://{}", Id::new())
}

fn options(url: &str) -> TransportOptions {
    let mut registry = DriverRegistry::empty();
    bergen_memory::register(&mut registry);
    TransportOptions::default()
        .registry(registry)
        .url(url.parse().unwrap())
}

fn rpc(url: &str) -> RpcTransport {
    try_rpc(url).unwrap()
}

fn try_rpc(url: &str) -> Result<RpcTransport, TransportError> {
    RpcTransport::new(options(url))
}

fn notifications(url: &str) -> NotificationTransport {
    NotificationTransport::new(options(url)).unwrap()
}

fn client(transport: &RpcTransport) -> RpcClient {
    RpcClient::new(transport, ClientTarget::new("t"))
}

/// A server whose `echo` answers its arguments, and whose `hold` never ends.
fn server(transport: &RpcTransport, name: &str) -> RpcServer {
    let endpoint = DynamicEndpoint::new(EndpointTarget::new())
        .method("echo", |call: Call| async move {
            Ok::<_, MethodError>(call.arguments)
        })
        .method("hold", |_: Call| async {
            std::future::pending::<()>().await;
            Ok::<_, MethodError>(())
        });
    RpcServer::builder(transport, ServerTarget::new("t", name))
        .endpoint(endpoint)
        .build()
}
