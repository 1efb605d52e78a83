//! A program that blocks its runtime's only thread, as a handler that computes for long does.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use super::broker::Broker;
use crate::client::{
    CloseReason, ConnectOptions, Connection, Consume, Delivery, DeliverySink, Disposition,
};
use crate::protocol::ServerConfig;

const HEARTBEAT: Duration = Duration::from_secs(1);

/// More than three heartbeats.
const BLOCKED: Duration = Duration::from_millis(3500);

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A broker on a thread of its own that answers until the connection is over.
fn broker() -> SocketAddr {
    let (sender, address) = mpsc::channel();
    thread::spawn(move || {
        runtime().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            sender.send(listener.local_addr().unwrap()).unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            let config = ServerConfig {
                heartbeat: HEARTBEAT,
                ..ServerConfig::default()
            };
            let mut broker = Broker::with(stream, config);
            broker.accept().await;
            broker.serve().await;
        });
    });
    address.recv().unwrap()
}

fn options(address: SocketAddr, io_thread: bool) -> ConnectOptions {
    ConnectOptions {
        host: address.ip().to_string(),
        port: address.port(),
        heartbeat: HEARTBEAT,
        io_thread,
        ..ConnectOptions::default()
    }
}

/// What is left of a connection after the runtime's only thread was blocked.
fn after_blocking(io_thread: bool) -> Result<(), CloseReason> {
    let address = broker();
    runtime().block_on(async {
        let opened = Connection::open(options(address, io_thread)).await;
        let (connection, _events) = opened.unwrap();
        thread::sleep(BLOCKED);
        // If it was lost, the task gets to see it now.
        tokio::time::sleep(Duration::from_millis(200)).await;
        match connection.open_channel().await {
            Ok(_) => Ok(()),
            Err(crate::client::Error::ConnectionClosed(reason)) => Err(reason),
            Err(other) => panic!("{other}"),
        }
    })
}

#[test]
fn a_blocked_runtime_loses_no_connection_that_lives_on_the_io_thread() {
    let other = thread::spawn(|| after_blocking(false));
    assert_eq!(after_blocking(true), Ok(()));
    // The same without that thread: the broker has given it up.
    assert!(other.join().unwrap().is_err());
}

#[test]
fn what_a_sink_spawns_runs_where_the_connection_was_opened() {
    struct Spawn(tokio::sync::mpsc::UnboundedSender<[Option<String>; 2]>);
    impl DeliverySink for Spawn {
        fn deliver(&mut self, _: Delivery) -> Disposition {
            let name = || thread::current().name().map(ToOwned::to_owned);
            let (here, sender) = (name(), self.0.clone());
            tokio::spawn(async move { sender.send([here, name()]) });
            Disposition::Ack
        }
    }
    let address = broker();
    let home = thread::current().name().map(ToOwned::to_owned);
    runtime().block_on(async {
        let opened = Connection::open(options(address, true)).await;
        let (connection, _events) = opened.unwrap();
        let (channel, _channel_events) = connection.open_channel().await.unwrap();
        let (sender, mut names) = tokio::sync::mpsc::unbounded_channel();
        let sink = Box::new(Spawn(sender));
        channel.consume(Consume::new("q"), sink).await.unwrap();
        let names = names.recv().await.unwrap();
        assert_eq!(names, [Some("bergen-io".to_owned()), home]);
    });
}
