//! Our own worker: a notifier, or a listener.

use std::sync::Arc;
use std::time::Duration;

use bergen::transport::NotificationTransport;
use clap::{Args, ValueEnum};

use super::{Publisher, handle, transport};
use crate::BenchError;
use crate::load::run;
use crate::worker::Conversation;

/// The hidden part of the benchmark's command line that makes it a worker.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    role: Role,
    url: String,
    topic: String,
    /// Threads of the process; 1 is tokio's current-thread runtime.
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

/// What a worker does until its input ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Publishes as ordered.
    Notifier,
    /// Handles what waits, as ordered.
    Listener,
}

impl Arguments {
    /// Is one process of the benchmark, until told to leave.
    pub fn work(&self) -> Result<(), BenchError> {
        crate::runtime(self.threads)?.block_on(async {
            let transport = transport(&self.url)?;
            match self.role {
                Role::Notifier => publish(&transport, &self.topic).await?,
                Role::Listener => listen(&transport, &self.topic).await?,
            }
            transport.close(Duration::from_secs(5)).await;
            Ok(())
        })
    }
}

async fn publish(transport: &NotificationTransport, topic: &str) -> Result<(), BenchError> {
    let publisher = Arc::new(Publisher::new(transport, topic)?);
    let mut conversation = Conversation::open()?;
    while let Some(order) = conversation.order().await? {
        let text: Arc<str> = "x".repeat(order.bytes).into();
        let publisher = Arc::clone(&publisher);
        let publish = move || {
            let (publisher, text) = (Arc::clone(&publisher), Arc::clone(&text));
            async move { publisher.publish(&text).await }
        };
        Conversation::tell(&run(&order, publish, Conversation::started).await)?;
    }
    Ok(())
}

async fn listen(transport: &NotificationTransport, topic: &str) -> Result<(), BenchError> {
    let mut conversation = Conversation::open()?;
    while let Some(order) = conversation.order().await? {
        let outcome = handle(transport, topic, &order, Conversation::started).await?;
        Conversation::tell(&outcome)?;
    }
    Ok(())
}
