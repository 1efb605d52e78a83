//! The HTTP face: against RabbitMQ's, by RabbitMQ's own tool, and against those who should not be there.

mod admin;
mod behaviour;
mod client;
mod guards;
mod http;
mod shapes;
mod tags;

use bergen_amqp::client::{ConnectOptions, Connection, ConnectionEvents};
use bergen_broker::{Address, Broker, HttpSettings};
use bergen_testbed::TestVhost;

use self::http::Http;

/// A broker with an HTTP face on free ports, and `guest` at that.
async fn start() -> (Broker, Http) {
    start_with(HttpSettings::new("127.0.0.1:0")).await
}

async fn start_with(settings: HttpSettings) -> (Broker, Http) {
    let broker = Broker::builder().http(settings).start().await.unwrap();
    let http = Http::new(broker.http_address().unwrap(), "guest", "guest");
    (broker, http)
}

fn amqp_port(broker: &Broker) -> u16 {
    match broker.addresses() {
        [Address::Tcp(address), ..] => address.port(),
        other => panic!("{other:?}"),
    }
}

/// RabbitMQ's interface, and a virtual host there that goes with its value.
async fn rabbitmq(test: &str) -> (TestVhost, Http) {
    let vhost = TestVhost::new(test).await.unwrap();
    let http = Http::at(vhost.rabbit().management_url());
    (vhost, http)
}

/// Ours, with a virtual host of that name.
async fn ours(vhost: &str) -> (Broker, Http) {
    let (broker, http) = start().await;
    let made = http.send("PUT", &format!("vhosts/{vhost}"), "{}").await;
    assert_eq!(made.status, 201);
    (broker, http)
}

async fn connect(port: u16, vhost: &str) -> (Connection, ConnectionEvents) {
    let options = ConnectOptions {
        host: "127.0.0.1".to_owned(),
        port,
        virtual_host: vhost.to_owned(),
        ..ConnectOptions::default()
    };
    Connection::open(options).await.unwrap()
}
