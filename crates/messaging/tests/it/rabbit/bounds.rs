//! What does not fit waits with the broker, waits by its deadline, or is refused; memory stays bounded.
//!
//! Each test has a short form whose numbers still exceed every bound. With `BERGEN_TEST_BOUNDS=full` they take the
//! sizes that people ask about; both print what they measured:
//!
//! ```text
//! BERGEN_TEST_BOUNDS=full cargo nextest run -p bergen-messaging -E 'test(rabbit::bounds)' --no-capture
//! ```

mod answers;
mod broker;
mod calls;
mod floods;

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bergen_amqp::client::{Channel, Confirmation, ConnectOptions, Connection, Publish};
use bergen_amqp::codec::BasicProperties;
use bergen_messaging::driver::SendError;
use bergen_messaging::rpc::{CallError, PreparedClient, RpcClient};
use bergen_messaging::target::ClientTarget;
use bergen_messaging::transport::{RpcTransport, TransportOptions};
use bergen_messaging::wire::Context;
use bergen_testbed::TestVhost;
use bytes::Bytes;
use tokio::task::JoinSet;

/// The short form's size, or the full one.
fn size(short: usize, full: usize) -> usize {
    match std::env::var("BERGEN_TEST_BOUNDS") {
        Ok(which) if which == "full" => full,
        _ => short,
    }
}

/// Waits for what takes longer in the full form.
fn patience() -> Duration {
    Duration::from_secs(size(30, 600) as u64)
}

/// What this process keeps in memory, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.unwrap().split_whitespace().nth(1).unwrap();
    kib.parse::<usize>().unwrap() * 1024
}

/// By how much the process is larger than it was, in KiB.
fn growth_since(before: usize) -> usize {
    resident().saturating_sub(before) / 1024
}

/// Runs `work`, and yields by how many KiB the process was larger meanwhile, at the most.
async fn peak<T>(work: impl Future<Output = T>) -> (T, usize) {
    let before = resident();
    let most = Arc::new(AtomicUsize::new(0));
    let watch = tokio::spawn({
        let most = Arc::clone(&most);
        async move {
            loop {
                most.fetch_max(growth_since(before), Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    });
    let done = work.await;
    watch.abort();
    most.fetch_max(growth_since(before), Ordering::Relaxed);
    (done, most.load(Ordering::Relaxed))
}

fn transport(url: &str) -> RpcTransport {
    RpcTransport::new(TransportOptions::default().url(url.parse().unwrap())).unwrap()
}

fn client(transport: &RpcTransport) -> PreparedClient {
    RpcClient::new(transport, ClientTarget::new("compute")).prepare()
}

/// What is typical of a request: 400 bytes of it.
fn arguments() -> serde_json::Value {
    serde_json::json!({"instance": "a".repeat(400)})
}

/// Somebody who publishes what they like.
struct RawPeer {
    channel: Channel,
    unconfirmed: VecDeque<Confirmation>,
    _connection: Connection,
}

impl RawPeer {
    async fn new(vhost: &TestVhost) -> Self {
        let options = ConnectOptions {
            port: vhost.rabbit().port(),
            virtual_host: vhost.name().to_owned(),
            ..ConnectOptions::default()
        };
        let (connection, _events) = Connection::open(options).await.unwrap();
        let (channel, _events) = connection.open_channel().await.unwrap();
        channel.confirm_select().await.unwrap();
        Self {
            channel,
            unconfirmed: VecDeque::new(),
            _connection: connection,
        }
    }

    /// Publishes; a few hundred at a time may be unconfirmed.
    async fn publish(&mut self, exchange: &str, routing_key: &str, body: impl Into<Bytes>) {
        let properties = BasicProperties {
            content_type: Some("application/json".into()),
            content_encoding: Some("utf-8".into()),
            ..BasicProperties::default()
        };
        let publish = Publish::new(exchange, routing_key, body).with_properties(properties);
        let confirmation = self.channel.publish(publish).await.unwrap();
        self.unconfirmed.push_back(confirmation);
        if self.unconfirmed.len() > 500 {
            self.settle(1).await;
        }
    }

    /// Waits until the oldest `count` are confirmed.
    async fn settle(&mut self, count: usize) {
        for confirmation in self.unconfirmed.drain(..count) {
            confirmation.await.unwrap();
        }
    }
}

/// Whether a server answers.
async fn ping(client: &PreparedClient) -> Result<String, CallError> {
    let ping = client.call(&Context::default(), "oslo_rpc_server_ping", &());
    ping.await
}

/// How many messages the broker keeps in a queue, delivered or not.
async fn wait_for_messages(vhost: &TestVhost, queue: &str, count: usize) {
    let path = format!("queues/{}/{queue}", vhost.name());
    let found = |queue: &serde_json::Value| queue["messages"].as_u64() == Some(count as u64);
    let management = vhost.management();
    management.wait_for(&path, patience(), found).await.unwrap();
}

/// Casts `count` messages, `at_once` of them at a time, each of which must be confirmed.
async fn flood(client: &PreparedClient, method: &'static str, count: usize, at_once: usize) {
    let mut tasks = JoinSet::new();
    for task in 0..at_once {
        let client = client.clone();
        let share = count / at_once + usize::from(task < count % at_once);
        tasks.spawn(async move {
            for _ in 0..share {
                let cast = client.cast(&Context::default(), method, &arguments());
                cast.await.unwrap();
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

/// How a crowd of messages ended.
#[derive(Debug, Default)]
struct Outcomes {
    /// Refused for lack of room.
    overloaded: usize,
    /// Ended otherwise, with how long it took.
    others: Vec<(SendError, Duration)>,
}

impl Outcomes {
    /// Waits for all, which must fail.
    async fn of<T: std::fmt::Debug + 'static>(
        mut tasks: JoinSet<(Result<T, CallError>, Duration)>,
    ) -> Self {
        let mut outcomes = Self::default();
        while let Some(ended) = tasks.join_next().await {
            match ended.unwrap() {
                (Err(CallError::Send(SendError::Overloaded(_))), took) => {
                    assert!(took < Duration::from_secs(5), "refused after {took:?}");
                    outcomes.overloaded += 1;
                }
                (Err(CallError::Send(error)), took) => outcomes.others.push((error, took)),
                (other, took) => panic!("{other:?} after {took:?}"),
            }
        }
        outcomes
    }

    /// All that was not refused waited for its deadline and no longer.
    fn ended_at(&self, deadline: Duration) {
        let latest = deadline + Duration::from_secs(size(3, 20) as u64);
        for (error, took) in &self.others {
            assert!((deadline..latest).contains(took), "{error} after {took:?}");
        }
    }
}
