//! The AMQP face, by our own client and by bytes.

mod basics;
mod closing;
mod confirms;
mod hostile;
mod pressure;
mod raw;

use std::net::SocketAddr;
use std::time::Duration;

use bergen_amqp::client::{
    Channel, ChannelEvents, ConnectOptions, Connection, Consume, Consumer, Delivery, Publish,
    QueueDeclare,
};
use bergen_broker::{Address, Broker};
use tokio::time::timeout;

/// As long as anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

async fn start() -> Broker {
    Broker::builder().start().await.unwrap()
}

fn address(broker: &Broker) -> SocketAddr {
    match broker.addresses() {
        [Address::Tcp(address), ..] => *address,
        other => panic!("{other:?}"),
    }
}

fn options(broker: &Broker) -> ConnectOptions {
    ConnectOptions {
        host: "127.0.0.1".to_owned(),
        port: address(broker).port(),
        ..ConnectOptions::default()
    }
}

async fn connect(broker: &Broker) -> Connection {
    Connection::open(options(broker)).await.unwrap().0
}

async fn channel(connection: &Connection) -> (Channel, ChannelEvents) {
    within(connection.open_channel()).await.unwrap()
}

/// A queue that goes with its connection.
async fn queue(channel: &Channel) -> String {
    let declare = QueueDeclare {
        exclusive: true,
        ..QueueDeclare::new("")
    };
    within(channel.queue_declare(declare)).await.unwrap().name
}

async fn publish(channel: &Channel, queue: &str, body: &str) {
    let publish = Publish::new("", queue, body.to_owned().into_bytes());
    let confirmed = within(channel.publish(publish)).await.unwrap();
    within(confirmed).await.unwrap();
}

async fn consume(channel: &Channel, queue: &str) -> Consumer {
    within(channel.consume_stream(Consume::new(queue), 100))
        .await
        .unwrap()
}

async fn next(consumer: &mut Consumer) -> Delivery {
    within(consumer.next()).await.unwrap()
}

fn text(delivery: &Delivery) -> &str {
    std::str::from_utf8(&delivery.body).unwrap()
}

/// The future, which has to be done in time.
fn within<F: IntoFuture>(future: F) -> impl Future<Output = F::Output> {
    Box::pin(async { timeout(PATIENCE, future).await.expect("too slow") })
}
