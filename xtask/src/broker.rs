use bergen_testbed::{BergenBroker, RabbitNode};
use tokio::runtime::Runtime;

use crate::Error;

/// The RabbitMQ of a run: the one that `BERGEN_TEST_RABBIT_URL` names, else a private node that
/// ends with this value — or with this process, in whatever way it ends.
pub(crate) struct Broker {
    node: Option<RabbitNode>,
    // The node's watchers run on it.
    _runtime: Runtime,
}

impl Broker {
    pub(crate) fn start() -> Result<Self, Error> {
        let runtime = runtime()?;
        let node = if let Ok(url) = std::env::var("BERGEN_TEST_RABBIT_URL") {
            let host = url.rsplit_once('@').map_or(url.as_str(), |(_, host)| host);
            println!("xtask: using the RabbitMQ at {host}");
            None
        } else {
            let node = runtime.block_on(RabbitNode::start_default())?;
            println!("xtask: RabbitMQ runs on 127.0.0.1:{}", node.port());
            Some(node)
        };
        Ok(Self {
            node,
            _runtime: runtime,
        })
    }

    /// What programs that are to use the broker get in their environment.
    pub(crate) fn environment(&self) -> Environment {
        match &self.node {
            None => Vec::new(),
            Some(node) => environment(node.url(""), node.management_url()),
        }
    }

    /// Its transport URL.
    pub(crate) fn url(&self) -> String {
        match &self.node {
            Some(node) => node.url(""),
            None => std::env::var("BERGEN_TEST_RABBIT_URL").unwrap_or_default(),
        }
    }
}

/// Our own broker in the place of RabbitMQ: `bergen broker`, which ends with this value.
pub(crate) struct OwnBroker {
    broker: BergenBroker,
    // Reads what the program says.
    _runtime: Runtime,
}

impl OwnBroker {
    pub(crate) fn start() -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(no_runtime)?;
        let broker = runtime.block_on(BergenBroker::start(&[]))?;
        Ok(Self {
            broker,
            _runtime: runtime,
        })
    }

    /// As [`Broker::environment`].
    pub(crate) fn environment(&self) -> Environment {
        let management = self.broker.management_url().to_owned();
        environment(self.broker.url(""), management)
    }
}

/// Names and values.
pub(crate) type Environment = Vec<(&'static str, String)>;

fn environment(url: String, management: String) -> Environment {
    vec![
        ("BERGEN_TEST_RABBIT_URL", url),
        ("BERGEN_TEST_RABBIT_MANAGEMENT_URL", management),
    ]
}

/// A runtime for the testbed, which is asynchronous.
pub(crate) fn runtime() -> Result<Runtime, Error> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(no_runtime)
}

fn no_runtime(source: std::io::Error) -> Error {
    Error::Start {
        program: "an async runtime".to_owned(),
        source,
    }
}
