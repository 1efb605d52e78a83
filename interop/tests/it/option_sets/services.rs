//! One service of either kind: server, client, notifier and listener.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bergen::notify::Notifier;
use bergen::prelude::*;
use bergen::rpc::{CallError, Endpoint, RpcClient};
use bergen::target::{ClientTarget, Target};
use bergen::transport::{NotificationTransport, RpcTransport, TransportOptions};
use bergen_config::Source;
use bergen_testbed::{PythonPeer, TestVhost};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::eventually;

/// Options of the group `oslo_messaging_rabbit`, and the folder of locks.
#[derive(Debug, Clone, Default)]
pub(super) struct Options {
    values: HashMap<String, Value>,
    pub(super) lock_path: Option<PathBuf>,
}

impl Options {
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    pub(super) fn set(&mut self, name: &str, value: Value) {
        self.values.insert(name.to_owned(), value);
    }

    /// As the peer's configuration has them.
    fn for_python(&self) -> Value {
        let mut conf = serde_json::Map::new();
        for (name, value) in &self.values {
            conf.insert(format!("oslo_messaging_rabbit.{name}"), value.clone());
        }
        if let Some(path) = &self.lock_path {
            conf.insert("oslo_concurrency.lock_path".to_owned(), json!(path));
        }
        conf.into()
    }

    /// A transport's options: in the URL's query, but for what has no place there.
    fn for_rust(&self, vhost: &TestVhost) -> TransportOptions {
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let query: Vec<_> = self
            .values
            .iter()
            .map(|(name, value)| format!("{name}={}", text(value)))
            .collect();
        let url = format!("{}?{}", vhost.url(), query.join("&"));
        let mut options = bergen::options::defaults();
        if let Some(path) = &self.lock_path {
            let path = path.to_str().unwrap();
            let set = options.set("oslo_concurrency", "lock_path", path, Source::Code);
            set.unwrap();
        }
        TransportOptions::default()
            .url(url.parse().unwrap())
            .options(options)
    }
}

impl From<HashMap<String, Value>> for Options {
    fn from(values: HashMap<String, Value>) -> Self {
        Self {
            values,
            lock_path: None,
        }
    }
}

/// `peers/service.py`.
pub(super) struct PythonService {
    peer: PythonPeer,
}

impl PythonService {
    pub(super) async fn start(vhost: &TestVhost, server: &str, options: &Options) -> Self {
        let conf = options.for_python();
        let options = json!({"url": vhost.url(), "topic": "t", "server": server, "conf": conf});
        let peer = PythonPeer::start("service.py", &options).await.unwrap();
        Self { peer }
    }

    /// Whatever declares anything, and the events that come of it.
    pub(super) async fn use_all(&self, server: &str, notifying: bool) {
        assert_eq!(self.whoami(server).await, json!(server));
        self.poke(json!({"topic": "t", "fanout": true})).await;
        if notifying {
            self.notify("nn", "unheard").await;
            self.notify("nl", "heard").await;
        }
        eventually("the service to hear itself", async || {
            self.pokes().await == 1
        })
        .await;
    }

    pub(super) async fn whoami(&self, server: &str) -> Value {
        let target = json!({"topic": "t", "server": server});
        let call = json!({"op": "call", "method": "whoami", "target": target});
        self.request(call).await["result"].clone()
    }

    pub(super) async fn poke(&self, target: Value) {
        let cast = json!({"op": "cast", "method": "poke", "target": target});
        let answer = self.request(cast).await;
        assert_eq!(answer.get("error"), None, "{answer}");
    }

    pub(super) async fn notify(&self, topic: &str, event: &str) {
        let notify = json!({"op": "notify", "topic": topic, "event_type": event});
        let answer = self.request(notify).await;
        assert_eq!(answer.get("error"), None, "{answer}");
    }

    pub(super) async fn pokes(&self) -> u64 {
        self.seen().await["calls"]["poke"].as_u64().unwrap_or(0)
    }

    pub(super) async fn events(&self) -> Vec<String> {
        let seen = self.seen().await;
        let events = seen["events"].as_array().unwrap().iter();
        events
            .map(|event| event.as_str().unwrap().to_owned())
            .collect()
    }

    pub(super) async fn request(&self, command: Value) -> Value {
        self.peer.request(command).await.unwrap()
    }

    pub(super) async fn stop(self) {
        self.peer.stop().await.unwrap();
    }

    async fn seen(&self) -> Value {
        self.request(json!({"op": "seen"})).await
    }
}

struct Poked {
    name: String,
    pokes: AtomicU64,
}

#[endpoint]
impl Poked {
    #[rpc]
    async fn whoami(&self) -> String {
        self.name.clone()
    }

    #[rpc]
    async fn poke(&self) {
        self.pokes.fetch_add(1, Ordering::Relaxed);
    }
}

/// The same with ours.
pub(super) struct RustService {
    poked: Arc<Poked>,
    events: Arc<Mutex<Vec<String>>>,
    rpc: RpcTransport,
    notifications: NotificationTransport,
    server: RpcServer,
    listening: JoinHandle<()>,
}

impl RustService {
    pub(super) async fn start(vhost: &TestVhost, server: &str, options: &Options) -> Self {
        let poked = Arc::new(Poked {
            name: server.to_owned(),
            pokes: AtomicU64::new(0),
        });
        let rpc = RpcTransport::new(options.for_rust(vhost)).unwrap();
        let serving = RpcServer::builder(&rpc, ServerTarget::new("t", server))
            .shared_endpoint(Arc::clone(&poked) as Arc<dyn Endpoint>)
            .build();
        serving.start().await.unwrap();
        let notifications = NotificationTransport::new(options.for_rust(vhost)).unwrap();
        let pairs = [(Target::default().with_topic("nl"), "info".to_owned())];
        let mut incoming = notifications.listen(&pairs, None, 100).await.unwrap();
        let events = Arc::new(Mutex::new(Vec::new()));
        let listening = tokio::spawn({
            let events = Arc::clone(&events);
            async move {
                while let Ok(notification) = incoming.next().await {
                    let event = notification.notification.event_type.clone();
                    events.lock().unwrap().push(event);
                    notification.acknowledge().unwrap();
                }
            }
        });
        Self {
            poked,
            events,
            rpc,
            notifications,
            server: serving,
            listening,
        }
    }

    pub(super) async fn use_all(&self, server: &str, notifying: bool) {
        assert_eq!(self.whoami(server).await, server);
        self.poke_all().await;
        if notifying {
            self.notify("nn", "unheard").await;
            self.notify("nl", "heard").await;
        }
        eventually("the service to hear itself", async || self.pokes() == 1).await;
    }

    pub(super) async fn whoami(&self, server: &str) -> String {
        self.try_whoami(server).await.unwrap()
    }

    pub(super) async fn try_whoami(&self, server: &str) -> Result<String, CallError> {
        let client = self.client().prepare().server(server);
        client.call(&Context::default(), "whoami", &()).await
    }

    pub(super) async fn poke(&self, server: &str) {
        let client = self.client().prepare().server(server);
        client.cast(&Context::default(), "poke", &()).await.unwrap();
    }

    pub(super) async fn poke_all(&self) {
        let client = self.client().prepare().fanout(true);
        client.cast(&Context::default(), "poke", &()).await.unwrap();
    }

    pub(super) async fn notify(&self, topic: &str, event: &str) {
        let notifier = Notifier::builder(&self.notifications, "rust")
            .topics([topic])
            .build();
        let nothing = json!({});
        notifier
            .info(&Context::default(), event, &nothing)
            .await
            .unwrap();
    }

    pub(super) fn pokes(&self) -> u64 {
        self.poked.pokes.load(Ordering::Relaxed)
    }

    pub(super) fn events(&self) -> Vec<String> {
        self.events.lock().unwrap().clone()
    }

    pub(super) async fn stop(self) {
        self.server.stop().await.unwrap();
        self.server.wait().await.unwrap();
        let limit = Duration::from_secs(10);
        self.rpc.close(limit).await;
        self.notifications.close(limit).await;
        self.listening.await.unwrap();
    }

    fn client(&self) -> RpcClient {
        RpcClient::new(&self.rpc, ClientTarget::new("t"))
    }
}
