//! Drivers and servers for the tests.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bergen_messaging::driver::{
    Admission, CallOptions, CallReply, CastOptions, Driver, IncomingRequest, ListenOptions,
    Listener, RequestSink, SendError,
};
use bergen_messaging::drivers::rabbit::{RabbitDriver, RabbitTuning};
use bergen_messaging::options::{RabbitOptions, defaults};
use bergen_messaging::target::Target;
use bergen_messaging::url::TransportUrl;
use bergen_messaging::wire::{Failure, OutgoingRequest, RawJson};
use bergen_testbed::FaultProxy;
use tokio::sync::watch;
use tokio::time::Instant;

/// The exchange of every test.
pub(super) const EXCHANGE: &str = "openstack";

pub(super) fn driver(url: &str) -> Arc<RabbitDriver> {
    let url: TransportUrl = url.parse().unwrap();
    let options = RabbitOptions::new(&defaults(), &url).unwrap();
    Arc::new(RabbitDriver::new(&url, EXCHANGE, &options).unwrap())
}

pub(super) fn tuned(url: &str, tuning: RabbitTuning) -> Arc<RabbitDriver> {
    let url: TransportUrl = url.parse().unwrap();
    let mut options = RabbitOptions::new(&defaults(), &url).unwrap();
    options.tuning = tuning;
    Arc::new(RabbitDriver::new(&url, EXCHANGE, &options).unwrap())
}

/// The same URL by way of a proxy.
pub(super) fn through(url: &str, proxy: &FaultProxy) -> String {
    let (before, rest) = url.split_once('@').unwrap();
    let (_, vhost) = rest.split_once('/').unwrap();
    format!("{before}@127.0.0.1:{}/{vhost}", proxy.port())
}

pub(super) fn topic(topic: &str) -> Target {
    Target::default().with_topic(topic)
}

pub(super) fn request(method: &str, args: &str) -> OutgoingRequest {
    OutgoingRequest::new(method.to_owned(), RawJson::parse(args).unwrap())
}

pub(super) async fn call(
    driver: &RabbitDriver,
    target: &Target,
    request: &OutgoingRequest,
    timeout: Duration,
) -> Result<CallReply, SendError> {
    driver
        .call(target, request, CallOptions::new(Instant::now() + timeout))
        .await
}

/// The text of the result of a call that must succeed.
pub(super) async fn result(
    driver: &RabbitDriver,
    target: &Target,
    request: &OutgoingRequest,
) -> String {
    let reply = call(driver, target, request, Duration::from_secs(20)).await;
    reply.unwrap().unwrap().as_str().to_owned()
}

pub(super) async fn cast(driver: &RabbitDriver, target: &Target, request: &OutgoingRequest) {
    driver
        .cast(target, request, CastOptions::default())
        .await
        .unwrap();
}

pub(super) async fn close(driver: &RabbitDriver) {
    driver.close(Instant::now() + Duration::from_secs(10)).await;
}

/// A server that remembers what it was asked.
///
/// Methods: `echo` answers the arguments, `whoami` its name, `sleep` after so many milliseconds, `pulse` likewise but
/// with a keep-alive each 100 ms, `fail` a failure. `hold` is answered after [`Server::release`].
pub(super) struct Server {
    pub(super) driver: Arc<RabbitDriver>,
    pub(super) listener: Option<Box<dyn Listener>>,
    pub(super) service: Arc<Service>,
}

impl Server {
    pub(super) async fn start(url: &str, topic: &str, name: &str) -> Self {
        Self::on(driver(url), topic, name).await
    }

    pub(super) async fn on(driver: Arc<RabbitDriver>, topic: &str, name: &str) -> Self {
        let service = Arc::new(Service {
            name: name.to_owned(),
            seen: watch::channel(Vec::new()).0,
            released: watch::channel(false).0,
            held: Mutex::default(),
        });
        let target = Target::default().with_topic(topic).with_server(name);
        let sink = Arc::new(Sink(Arc::clone(&service)));
        let listener = driver
            .listen(&target, ListenOptions::new(128), sink)
            .await
            .unwrap();
        Self {
            driver,
            listener: Some(listener),
            service,
        }
    }

    /// Waits until this many requests have come.
    pub(super) async fn wait_for(&self, count: usize) -> Vec<Seen> {
        let mut seen = self.service.seen.subscribe();
        let found = seen.wait_for(|seen| seen.len() >= count);
        let found = tokio::time::timeout(Duration::from_secs(20), found).await;
        found.expect("the requests did not come").unwrap().clone()
    }

    /// Waits until a request of this method has come.
    pub(super) async fn wait_for_method(&self, method: &str) {
        let mut seen = self.service.seen.subscribe();
        let found = seen.wait_for(|all| all.iter().any(|seen| seen.method == method));
        let found = tokio::time::timeout(Duration::from_secs(20), found).await;
        found.expect("the request did not come").unwrap();
    }

    /// As [`wait_for`](Self::wait_for), without copies: after a cut the broker delivers again what it saw no acknowledgement of, and it is for
    /// whoever sits above the driver to recognise it.
    pub(super) async fn wait_for_distinct(&self, count: usize) -> Vec<Seen> {
        let distinct = |seen: &Vec<Seen>| {
            let mut ids = HashSet::new();
            seen.iter()
                .filter(|seen| ids.insert(seen.unique_id.clone()))
                .cloned()
                .collect::<Vec<_>>()
        };
        let mut seen = self.service.seen.subscribe();
        let found = seen.wait_for(|seen| distinct(seen).len() >= count);
        let found = tokio::time::timeout(Duration::from_secs(20), found).await;
        distinct(&found.expect("the requests did not come").unwrap())
    }

    /// Lets `hold` answer.
    pub(super) fn release(&self) {
        self.service.released.send_replace(true);
    }

    /// Stops in order: no new requests, then away from the broker.
    pub(super) async fn stop(mut self) {
        let listener = self.listener.take().unwrap();
        listener.stop().await;
        listener.close().await;
        close(&self.driver).await;
    }
}

pub(super) struct Service {
    name: String,
    seen: watch::Sender<Vec<Seen>>,
    released: watch::Sender<bool>,
    /// Requests of method `keep`, which are neither acknowledged nor answered.
    pub(super) held: Mutex<Vec<IncomingRequest>>,
}

/// A request as the server saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) unique_id: String,
    pub(super) redelivered: bool,
    pub(super) has_deadline: bool,
}

struct Sink(Arc<Service>);

impl RequestSink for Sink {
    fn request(&self, incoming: IncomingRequest) -> Admission {
        let seen = Seen {
            method: incoming.request.method.to_string(),
            unique_id: incoming
                .request
                .unique_id
                .as_deref()
                .unwrap_or_default()
                .to_owned(),
            redelivered: incoming.redelivered,
            has_deadline: incoming.deadline.is_some(),
        };
        self.0.seen.send_modify(|all| all.push(seen));
        if incoming.request.method == "keep" {
            self.0.held.lock().unwrap().push(incoming);
            return Admission::Held;
        }
        tokio::spawn(answer(Arc::clone(&self.0), incoming));
        Admission::Taken
    }
}

async fn answer(service: Arc<Service>, incoming: IncomingRequest) {
    let args = incoming.request.args.clone();
    let pause = || {
        let millis: std::collections::HashMap<String, u64> = args.decode().unwrap();
        Duration::from_millis(millis["ms"])
    };
    let reply = match incoming.request.method.as_str() {
        "whoami" => Ok(RawJson::encode(&service.name).unwrap()),
        "sleep" => {
            tokio::time::sleep(pause()).await;
            Ok(args)
        }
        "pulse" => {
            let end = Instant::now() + pause();
            while Instant::now() < end {
                tokio::time::sleep(Duration::from_millis(100)).await;
                incoming.keep_alive().await.unwrap();
            }
            Ok(args)
        }
        "hold" => {
            let mut released = service.released.subscribe();
            let _ = released.wait_for(|released| *released).await;
            Ok(args)
        }
        "fail" => Err(Box::new(Failure::new(
            "nova.exception",
            "NotFound",
            "no such thing",
        ))),
        _ => Ok(args),
    };
    if incoming.wants_reply() {
        let _ = incoming.reply(reply).await;
    }
}

/// Waits until it is found, and fails after ten seconds.
pub(super) async fn until(mut found: impl FnMut() -> bool) {
    let found = async {
        while !found() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), found)
        .await
        .expect("it did not happen");
}
