//! Our own worker: an echo server and a client of it, on the public face of the library.

use std::io::Write as _;
use std::time::Duration;

use bergen::prelude::*;
use bergen::rpc::CallError;
use bergen_bench::BenchError;
use bergen_bench::load::closed_loop;
use bergen_bench::worker::Conversation;
use clap::ValueEnum;
use serde::Serialize;

/// How long a call may take, as in the Python worker.
const TIMEOUT: Duration = Duration::from_mins(1);

/// What a worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Serves until its input ends.
    Server,
    /// Carries out orders until its input ends.
    Client,
    /// Makes one call, says so and ends.
    Once,
}

struct Echo;

#[endpoint(version = "1.0")]
impl Echo {
    /// Gives back what it gets.
    #[rpc]
    async fn echo(&self, value: String) -> String {
        value
    }
}

#[derive(Serialize)]
struct EchoArguments<'a> {
    value: &'a str,
}

/// Is one process of the benchmark.
pub(crate) async fn work(role: Role, url: &str, topic: &str) -> Result<(), BenchError> {
    let url = url.parse().map_err(failed)?;
    let transport = RpcTransport::new(TransportOptions::default().url(url)).map_err(failed)?;
    match role {
        Role::Server => serve(&transport, topic).await?,
        Role::Client => call(&transport, topic).await?,
        Role::Once => once(&transport, topic).await?,
    }
    transport.close(Duration::from_secs(5)).await;
    Ok(())
}

async fn serve(transport: &RpcTransport, topic: &str) -> Result<(), BenchError> {
    let target = ServerTarget::new(topic, "bergen");
    let server = RpcServer::builder(transport, target).endpoint(Echo).build();
    server.start().await.map_err(failed)?;
    Conversation::open()?.end().await;
    server.stop().await.map_err(failed)?;
    server.wait().await.map_err(failed)
}

async fn call(transport: &RpcTransport, topic: &str) -> Result<(), BenchError> {
    let caller = Caller::new(transport, topic)?;
    let mut conversation = Conversation::open()?;
    while let Some(order) = conversation.order().await? {
        let value: std::sync::Arc<str> = "x".repeat(order.bytes).into();
        let caller = caller.clone();
        let outcome = if order.mode == "cast" {
            let cast = move || {
                let (caller, value) = (caller.clone(), std::sync::Arc::clone(&value));
                async move { caller.cast(&value).await }
            };
            closed_loop(&order, cast, Conversation::started).await
        } else {
            let call = move || {
                let (caller, value) = (caller.clone(), std::sync::Arc::clone(&value));
                async move { caller.call(&value).await }
            };
            closed_loop(&order, call, Conversation::started).await
        };
        conversation.outcome(&outcome)?;
    }
    Ok(())
}

async fn once(transport: &RpcTransport, topic: &str) -> Result<(), BenchError> {
    Caller::new(transport, topic)?
        .call("x")
        .await
        .map_err(failed)?;
    writeln!(std::io::stdout(), r#"{{"answered": true}}"#).map_err(BenchError::io("answering"))
}

#[derive(Clone)]
struct Caller {
    client: RpcClient,
    context: Context,
}

impl Caller {
    fn new(transport: &RpcTransport, topic: &str) -> Result<Self, BenchError> {
        let target = ClientTarget::new(topic).version((1, 0));
        let client = RpcClient::builder(transport, target)
            .timeout(TIMEOUT)
            .build();
        let mut context = Context::default();
        for (key, value) in [
            ("request_id", "req-bench"),
            ("user_id", "u1"),
            ("project_id", "p1"),
        ] {
            context.insert(key, value).map_err(failed)?;
        }
        context.insert("is_admin", &true).map_err(failed)?;
        Ok(Self { client, context })
    }

    async fn call(&self, value: &str) -> Result<(), CallError> {
        let echoed: String = self
            .client
            .call(&self.context, "echo", &EchoArguments { value })
            .await?;
        debug_assert_eq!(echoed, value);
        Ok(())
    }

    async fn cast(&self, value: &str) -> Result<(), CallError> {
        self.client
            .cast(&self.context, "echo", &EchoArguments { value })
            .await
    }
}

fn failed(error: impl std::fmt::Display) -> BenchError {
    BenchError::client("bergen")(error)
}
