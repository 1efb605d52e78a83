//! Our own worker: echo servers, or a client of them.

use std::io::Write as _;
use std::sync::Arc;

use bergen::rpc::RpcServer;
use clap::{Args, ValueEnum};
use tokio::task::JoinSet;

use super::{Caller, Echo, Node, failed};
use crate::BenchError;
use crate::load::{Order, Outcome, run};
use crate::worker::Conversation;

/// The hidden part of a benchmark's command line that makes it a worker.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    role: Role,
    url: String,
    topic: String,
    /// Threads of the process; 1 is tokio's current-thread runtime.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// How many servers are in the process, on one transport.
    #[arg(long, default_value_t = 1)]
    servers: usize,
}

/// What a worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Serves until its input ends.
    Server,
    /// Carries out orders until its input ends.
    Client,
    /// Makes one call, says so and ends.
    Once,
}

impl Arguments {
    /// Is one process of a benchmark, until told to leave.
    pub fn work(&self) -> Result<(), BenchError> {
        crate::runtime(self.threads)?.block_on(async {
            let node = Node::new(&self.url)?;
            match self.role {
                Role::Server => serve(&node, &self.topic, self.servers).await?,
                Role::Client => call(&node, &self.topic).await?,
                Role::Once => once(&node, &self.topic).await?,
            }
            node.close().await;
            Ok(())
        })
    }
}

async fn serve(node: &Node, topic: &str, count: usize) -> Result<(), BenchError> {
    let echo = Echo::default();
    let servers = start(node, topic, count, &echo).await?;
    let mut conversation = Conversation::open()?;
    while conversation.looked_at().await {
        Conversation::tell(&echo.received.look(node.io()))?;
    }
    for server in servers {
        server.stop().await.map_err(failed)?;
        server.wait().await.map_err(failed)?;
    }
    Ok(())
}

async fn start(
    node: &Node,
    topic: &str,
    count: usize,
    echo: &Echo,
) -> Result<Vec<RpcServer>, BenchError> {
    let mut starting = JoinSet::new();
    for number in 0..count {
        let (node, topic, echo) = (node.clone(), topic.to_owned(), echo.clone());
        starting.spawn(async move {
            let name = format!("bergen-{number}");
            node.serve(&topic, &name, echo).await
        });
    }
    starting.join_all().await.into_iter().collect()
}

async fn call(node: &Node, topic: &str) -> Result<(), BenchError> {
    let caller = Arc::new(Caller::new(node, topic)?);
    let mut conversation = Conversation::open()?;
    while let Some(order) = conversation.order().await? {
        let before = node.io();
        let outcome = carry_out(&order, &caller).await;
        Conversation::tell(&Outcome {
            io: Some(node.io() - before),
            ..outcome
        })?;
    }
    Ok(())
}

async fn carry_out(order: &Order, caller: &Arc<Caller>) -> Outcome {
    let value: Arc<str> = "x".repeat(order.bytes).into();
    // Each mode is a type of its own, so that none pays for the others.
    macro_rules! load {
        ($method:ident) => {{
            let caller = Arc::clone(caller);
            let send = move || {
                let (caller, value) = (Arc::clone(&caller), Arc::clone(&value));
                async move { caller.$method(&value).await }
            };
            run(order, send, Conversation::started).await
        }};
    }
    match order.mode.as_str() {
        "cast" => load!(cast),
        "fanout" => load!(fanout),
        _ => load!(call),
    }
}

async fn once(node: &Node, topic: &str) -> Result<(), BenchError> {
    Caller::new(node, topic)?.call("x").await.map_err(failed)?;
    writeln!(std::io::stdout(), r#"{{"answered": true}}"#).map_err(BenchError::io("answering"))
}
