//! The echo that every benchmark of RPC calls, on the public face of the library.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bergen::driver::DriverRegistry;
use bergen::options::RabbitOptions;
use bergen::prelude::*;
use bergen::rpc::CallError;
use bergen_messaging::driver::{Driver, DriverConfig, DriverError};
use bergen_messaging::drivers::rabbit::RabbitDriver;
use serde::Serialize;

use crate::BenchError;
use crate::io::Io;

mod received;
pub mod worker;

pub use received::{Looked, Received};

/// How long a call may take, as in the Python worker.
pub const TIMEOUT: Duration = Duration::from_mins(1);

/// The endpoint of all servers.
#[derive(Clone, Debug, Default)]
pub struct Echo {
    received: Arc<Received>,
}

#[endpoint(version = "1.0")]
impl Echo {
    /// Gives back what it gets.
    #[rpc]
    async fn echo(&self, value: String) -> String {
        value
    }

    /// Notes how long this has been under way. `sent_us` is the time of its sending, in microseconds
    /// since 1970.
    #[rpc]
    async fn stamp(&self, sent_us: u64, value: String) {
        std::hint::black_box(value);
        self.received.note(sent_us);
    }
}

/// The arguments of `echo`.
#[derive(Debug, Serialize)]
pub struct EchoArguments<'a> {
    /// What comes back.
    pub value: &'a str,
}

#[derive(Serialize)]
struct StampArguments<'a> {
    sent_us: u64,
    value: &'a str,
}

/// A transport, and what its connections do.
#[derive(Clone)]
pub struct Node {
    transport: RpcTransport,
    drivers: Arc<Mutex<Vec<Arc<RabbitDriver>>>>,
}

impl Node {
    /// A node of a bus. It connects when it is first used.
    pub fn new(url: &str) -> Result<Self, BenchError> {
        let drivers = Arc::<Mutex<Vec<_>>>::default();
        let made = Arc::clone(&drivers);
        let mut registry = DriverRegistry::default();
        // The library's own driver, with a handle kept: a transport shows no connections.
        registry.register("rabbit", move |config| {
            let driver = driver(&config)?;
            let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
            made.push(Arc::clone(&driver));
            Ok(driver as Arc<dyn Driver>)
        });
        let url = url.parse().map_err(failed)?;
        let options = TransportOptions::default().url(url).registry(registry);
        let transport = RpcTransport::new(options).map_err(failed)?;
        Ok(Self { transport, drivers })
    }

    /// What its connections have done so far.
    pub fn io(&self) -> Io {
        let drivers = self.drivers.lock().unwrap_or_else(PoisonError::into_inner);
        let each = drivers.iter().map(|driver| Io::of(driver));
        each.fold(Io::default(), std::ops::Add::add)
    }

    /// Starts an echo server.
    pub async fn serve(
        &self,
        topic: &str,
        name: &str,
        echo: Echo,
    ) -> Result<RpcServer, BenchError> {
        let target = ServerTarget::new(topic, name);
        let server = RpcServer::builder(&self.transport, target)
            .endpoint(echo)
            .build();
        server.start().await.map_err(failed)?;
        Ok(server)
    }

    /// Closes its connections.
    pub async fn close(&self) {
        self.transport.close(Duration::from_secs(5)).await;
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}

fn driver(config: &DriverConfig) -> Result<Arc<RabbitDriver>, DriverError> {
    let options = RabbitOptions::new(&config.options, &config.url);
    let options = options.map_err(|error| DriverError::InvalidOption {
        driver: "rabbit".to_owned(),
        cause: error.to_string(),
    })?;
    let driver = RabbitDriver::new(&config.url, &config.control_exchange, &options)?;
    Ok(Arc::new(driver))
}

/// The context that every caller sends, like the Python worker's.
pub fn context() -> Result<Context, BenchError> {
    let mut context = Context::default();
    for (key, value) in [
        ("request_id", "req-bench"),
        ("user_id", "u1"),
        ("project_id", "p1"),
    ] {
        context.insert(key, value).map_err(failed)?;
    }
    context.insert("is_admin", &true).map_err(failed)?;
    Ok(context)
}

/// A client of the echo servers of one topic.
#[derive(Clone, Debug)]
pub struct Caller {
    client: RpcClient,
    context: Context,
}

impl Caller {
    /// A client of `topic`.
    pub fn new(node: &Node, topic: &str) -> Result<Self, BenchError> {
        let target = ClientTarget::new(topic).version((1, 0));
        let client = RpcClient::builder(&node.transport, target)
            .timeout(TIMEOUT)
            .build();
        Ok(Self {
            client,
            context: context()?,
        })
    }

    /// Calls `echo` and waits for the answer.
    pub async fn call(&self, value: &str) -> Result<(), CallError> {
        let echoed: String = self
            .client
            .call(&self.context, "echo", &EchoArguments { value })
            .await?;
        debug_assert_eq!(echoed, value);
        Ok(())
    }

    /// Casts `echo` and waits until the broker has confirmed it.
    pub async fn cast(&self, value: &str) -> Result<(), CallError> {
        self.client
            .cast(&self.context, "echo", &EchoArguments { value })
            .await
    }

    /// Casts `stamp` to every server of the topic and waits until the broker has confirmed it.
    pub async fn fanout(&self, value: &str) -> Result<(), CallError> {
        let sent_us = received::now_us();
        let arguments = StampArguments { sent_us, value };
        self.client
            .prepare()
            .fanout(true)
            .cast(&self.context, "stamp", &arguments)
            .await
    }
}

/// For `map_err` on the library's errors.
pub fn failed(error: impl std::fmt::Display) -> BenchError {
    BenchError::client("bergen")(error)
}
