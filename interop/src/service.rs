//! A Rust service with the methods of `peers/rpc_server.py`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bergen::prelude::*;
use bergen::rpc::ServerError;
use bergen::transport::RpcTransport;
use bergen::wire::RawJson;
use serde::Serialize;

/// Errors as Python services know them.
#[derive(Debug, Clone, PartialEq, RpcError)]
#[rpc(module = "builtins")]
pub enum Custom {
    /// One of Python's own.
    #[rpc(class = "ValueError", message = "{0}")]
    Value(String),
    /// One with keyword arguments, of a module that the client may allow.
    #[rpc(
        module = "nova.exception",
        class = "InstanceNotFound",
        message = "Instance {instance_id} could not be found."
    )]
    NotFound {
        /// The instance.
        instance_id: String,
    },
}

/// The methods; without a namespace in version 1.5.
#[derive(Debug, Default)]
pub struct Service {
    /// Calls and casts that ran.
    pub executed: AtomicU64,
}

/// What a method saw of its request.
#[derive(Debug, Serialize)]
pub struct Seen {
    endpoint: &'static str,
    ctxt: BTreeMap<String, RawJson>,
    client_timeout: Option<u64>,
}

fn seen(endpoint: &'static str, ctxt: &Context) -> Seen {
    Seen {
        endpoint,
        ctxt: ctxt
            .iter()
            .map(|(key, value)| (key.to_owned(), value.clone()))
            .collect(),
        client_timeout: ctxt.client_timeout().map(|timeout| timeout.as_secs()),
    }
}

#[endpoint(version = "1.5")]
impl Service {
    #[rpc]
    async fn echo(&self, #[rpc(default)] value: Option<RawJson>) -> Option<RawJson> {
        self.executed.fetch_add(1, Ordering::Relaxed);
        value
    }

    #[rpc]
    async fn add(&self, a: i64, b: i64) -> i64 {
        self.executed.fetch_add(1, Ordering::Relaxed);
        a + b
    }

    #[rpc]
    async fn none(&self) {
        self.executed.fetch_add(1, Ordering::Relaxed);
    }

    #[rpc]
    async fn slow(&self, seconds: f64, #[rpc(default)] value: Option<RawJson>) -> Option<RawJson> {
        self.executed.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        value
    }

    #[rpc]
    async fn whoami(&self, ctxt: &Context) -> Seen {
        seen("plain", ctxt)
    }

    #[rpc]
    async fn fail(&self, kind: String) -> Result<(), Custom> {
        match kind.as_str() {
            "kwargs" => Err(Custom::NotFound {
                instance_id: "8a2f".to_owned(),
            }),
            _ => Err(Custom::Value(format!("{kind} failed"))),
        }
    }

    #[rpc]
    #[expect(clippy::panic, reason = "a handler that panics is what this shows")]
    async fn panics(&self) {
        panic!("on purpose");
    }
}

/// The same method names in a namespace, version 2.1.
struct Namespaced;

#[endpoint(namespace = "namespaced", version = "2.1")]
impl Namespaced {
    #[rpc]
    async fn whoami(&self, ctxt: &Context) -> Seen {
        seen("namespaced", ctxt)
    }
}

/// A started Rust server with [`Service`], a namespaced endpoint and the ping.
#[derive(Debug)]
pub struct RustServer {
    server: RpcServer,
    service: Arc<Service>,
}

impl RustServer {
    /// Serves `topic` as `name`.
    pub async fn start(
        transport: &RpcTransport,
        topic: &str,
        name: &str,
    ) -> Result<Self, ServerError> {
        let service = Arc::new(Service::default());
        let server = RpcServer::builder(transport, ServerTarget::new(topic, name))
            .shared_endpoint(Arc::clone(&service) as Arc<dyn bergen::rpc::Endpoint>)
            .endpoint(Namespaced)
            .ping(true)
            .build();
        server.start().await?;
        Ok(Self { server, service })
    }

    /// How many methods ran.
    pub fn executed(&self) -> u64 {
        self.service.executed.load(Ordering::Relaxed)
    }

    /// The server itself.
    pub fn server(&self) -> &RpcServer {
        &self.server
    }

    /// Stops, and waits for what runs.
    pub async fn stop(&self) -> Result<(), ServerError> {
        self.server.stop().await?;
        self.server.wait().await
    }
}
