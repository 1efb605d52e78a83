//! A service for the suite to talk to.

use std::sync::Arc;
use std::time::Duration;

use bergen_messaging::rpc::{
    Call, DynamicEndpoint, Exception, MethodError, RpcClient, RpcClientBuilder, RpcServer,
};
use bergen_messaging::target::{ClientTarget, EndpointTarget, ServerTarget};
use bergen_messaging::transport::RpcTransport;
use bergen_messaging::wire::Context;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::timeout;

use super::Subject;

pub(super) const TOPIC: &str = "conformance";

/// How long something may take that should happen at once.
pub(super) const SOON: Duration = Duration::from_secs(15);

/// A server that remembers what it was asked.
///
/// Methods: `echo` answers its arguments, `whoami` the server's name, `note` nothing, `fail` a failure, `hold` when it is
/// released, `sleep` after so many milliseconds, `heed` when its caller has given up, `context` the caller's context,
/// `deadline` whether the request has one.
pub(super) struct Service {
    pub(super) transport: RpcTransport,
    pub(super) server: RpcServer,
    shared: Arc<Shared>,
}

struct Shared {
    name: String,
    seen: watch::Sender<Vec<(String, Value)>>,
    released: watch::Sender<bool>,
    heeded: watch::Sender<usize>,
}

impl Service {
    pub(super) async fn start(subject: &Subject, name: &str) -> Self {
        Self::limited(subject, name, 64).await
    }

    /// One that runs so many methods at once.
    pub(super) async fn limited(subject: &Subject, name: &str, limit: usize) -> Self {
        let transport = subject.rpc();
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            seen: watch::channel(Vec::new()).0,
            released: watch::channel(false).0,
            heeded: watch::channel(0).0,
        });
        let server = RpcServer::builder(&transport, ServerTarget::new(TOPIC, name))
            .endpoint(endpoint(&shared))
            .limit(limit)
            .cancel_after(Duration::from_millis(50))
            .build();
        server.start().await.expect("the server did not start");
        Self {
            transport,
            server,
            shared,
        }
    }

    /// What it was asked so far: method and arguments.
    pub(super) fn seen(&self) -> Vec<(String, Value)> {
        self.shared.seen.borrow().clone()
    }

    /// Waits until it was asked that often.
    pub(super) async fn wait_for(&self, count: usize) -> Vec<(String, Value)> {
        let mut seen = self.shared.seen.subscribe();
        let found = timeout(SOON, seen.wait_for(|seen| seen.len() >= count)).await;
        found.expect("the requests did not come").unwrap().clone()
    }

    /// Lets `hold` answer.
    pub(super) fn release(&self) {
        self.shared.released.send_replace(true);
    }

    /// Waits until `heed` has heard that its caller gave up.
    pub(super) async fn heeded(&self) {
        let mut heeded = self.shared.heeded.subscribe();
        let found = timeout(SOON, heeded.wait_for(|count| *count > 0)).await;
        found.expect("the handler did not learn of it").unwrap();
    }

    /// Stops in order and leaves the broker.
    pub(super) async fn stop(self) {
        self.server.stop().await.unwrap();
        self.server.wait().await.unwrap();
        self.transport.close(SOON).await;
    }
}

/// A client of another process, with its transport.
pub(super) fn client(subject: &Subject) -> (RpcTransport, RpcClient) {
    let (transport, builder) = builder(subject);
    (transport, builder.build())
}

/// The same, to be set up further.
pub(super) fn builder(subject: &Subject) -> (RpcTransport, RpcClientBuilder) {
    let transport = subject.rpc();
    let builder = RpcClient::builder(&transport, ClientTarget::new(TOPIC)).timeout(SOON);
    (transport, builder)
}

pub(super) fn context() -> Context {
    let mut context = Context::default();
    context.insert("user_id", "user-1").unwrap();
    context.insert("roles", &["admin", "member"]).unwrap();
    context
}

fn endpoint(shared: &Arc<Shared>) -> DynamicEndpoint {
    let methods = [
        "echo", "whoami", "note", "fail", "hold", "sleep", "heed", "context", "deadline",
    ];
    let empty = DynamicEndpoint::new(EndpointTarget::new().version((1, 4)));
    methods.into_iter().fold(empty, |endpoint, method| {
        let shared = Arc::clone(shared);
        endpoint.method(method, move |call: Call| {
            run(Arc::clone(&shared), method, call)
        })
    })
}

async fn run(shared: Arc<Shared>, method: &'static str, call: Call) -> Result<Value, MethodError> {
    let args: Value = call.arguments.decode().unwrap();
    let seen = (method.to_owned(), args.clone());
    shared.seen.send_modify(|all| all.push(seen));
    match method {
        "whoami" => Ok(json!(shared.name)),
        "note" => Ok(Value::Null),
        "fail" => {
            let failure = Exception::new("nova.exception", "InstanceNotFound", "no instance 7")
                .kwarg("instance_id", &7)
                .into_failure();
            Err(failure.into())
        }
        "hold" => {
            let mut released = shared.released.subscribe();
            let _ = released.wait_for(|released| *released).await;
            Ok(args)
        }
        "sleep" => {
            tokio::time::sleep(Duration::from_millis(args["ms"].as_u64().unwrap())).await;
            Ok(args)
        }
        "heed" => {
            call.cancellation.cancelled().await;
            shared.heeded.send_modify(|count| *count += 1);
            Ok(Value::Null)
        }
        "context" => {
            let members = call.context.iter();
            Ok(members
                .map(|(key, value)| (key.to_owned(), value.decode::<Value>().unwrap()))
                .collect())
        }
        "deadline" => Ok(json!(call.deadline.is_some())),
        _ => Ok(args),
    }
}
