//! The driver that every program has without asking for it.

use bergen::prelude::*;
use bergen::transport::NotificationTransport;

struct Echo;

#[endpoint(version = "1.0")]
impl Echo {
    #[rpc]
    async fn echo(&self, value: String) -> String {
        value
    }
}

#[rpc_api(version = "1.0")]
trait EchoApi {
    async fn echo(&self, value: &str) -> String;
}

#[tokio::test]
async fn a_bus_inside_the_process_needs_nothing_but_its_url() {
    let options = TransportOptions::default().url("memory://facade".parse().unwrap());
    let (serving, calling) = (
        RpcTransport::new(options.clone()).unwrap(),
        RpcTransport::new(options).unwrap(),
    );
    let server = RpcServer::builder(&serving, ServerTarget::new("echo", "one"))
        .endpoint(Echo)
        .build();
    server.start().await.unwrap();
    let echo = EchoApiClient::new(&RpcClient::new(&calling, ClientTarget::new("echo")));
    assert_eq!(echo.echo("hello").await.unwrap(), "hello");
    server.stop().await.unwrap();
    server.wait().await.unwrap();
}

#[test]
fn every_scheme_has_its_driver() {
    for url in [
        "memory://b",
        "fake://",
        "rabbit://localhost/",
        "kombu://localhost/",
    ] {
        let options = TransportOptions::default().url(url.parse().unwrap());
        NotificationTransport::new(options).unwrap();
    }
    let options = TransportOptions::default().url("zmq://localhost".parse().unwrap());
    let error = RpcTransport::new(options).unwrap_err().to_string();
    assert_eq!(
        error,
        "no driver is called \"zmq\"; known are fake, memory, rabbit"
    );
}
