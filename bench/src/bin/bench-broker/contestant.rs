//! The brokers under test, each in a process of its own.

use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;

use bergen_amqp::client::{ConnectOptions, Connection};
use bergen_bench::BenchError;
use bergen_bench::broker::Broker as RabbitMq;
use bergen_bench::record::Record;
use bergen_bench::worker::{Conversation, Worker};

/// Ours.
pub(crate) const OURS: &str = "bergen";
/// The one that everybody runs.
pub(crate) const RABBITMQ: &str = "rabbitmq";

pub(crate) const NAMES: [&str; 2] = [OURS, RABBITMQ];

/// One broker, running.
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    broker: Broker,
}

enum Broker {
    Ours { worker: Worker, port: u16 },
    RabbitMq(RabbitMq),
}

impl Contestant {
    pub(crate) async fn start(name: &'static str) -> Result<Self, BenchError> {
        let broker = if name == OURS {
            let port = free_port()?;
            let command = this_program(["broker", &port.to_string()])?;
            let worker = Worker::start("the embedded broker", command).await?;
            Broker::Ours { worker, port }
        } else {
            Broker::RabbitMq(RabbitMq::start().await?)
        };
        Ok(Self { name, broker })
    }

    /// Notes its versions, if they are not in the lock file.
    pub(crate) fn describe(&self, record: &mut Record) {
        if let Broker::RabbitMq(broker) = &self.broker {
            for (name, version) in broker.versions() {
                record.version(name, version);
            }
        }
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> u32 {
        match &self.broker {
            Broker::Ours { worker, .. } => worker.id(),
            Broker::RabbitMq(broker) => broker.process(),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        match &self.broker {
            Broker::Ours { port, .. } => *port,
            Broker::RabbitMq(broker) => broker.port(),
        }
    }

    pub(crate) fn url(&self) -> String {
        match &self.broker {
            Broker::Ours { port, .. } => format!("rabbit://guest:guest@127.0.0.1:{port}/"),
            Broker::RabbitMq(broker) => broker.url(),
        }
    }

    /// A connection of ours to it.
    pub(crate) async fn connect(&self) -> Result<Connection, BenchError> {
        connect(self.port()).await
    }

    pub(crate) async fn stop(self) -> Result<(), BenchError> {
        match self.broker {
            Broker::Ours { worker, .. } => worker.stop().await,
            Broker::RabbitMq(_) => Ok(()),
        }
    }
}

/// Is the embedded broker, with its defaults, until its input ends.
pub(crate) async fn be_broker(port: u16) -> Result<(), BenchError> {
    let broker = bergen_broker::Broker::builder()
        .listen(bergen_broker::Listen::Tcp(([127, 0, 0, 1], port).into()))
        .start()
        .await
        .map_err(BenchError::client("bergen-broker"))?;
    Conversation::open()?.end().await;
    broker.stop().await;
    Ok(())
}

pub(crate) async fn connect(port: u16) -> Result<Connection, BenchError> {
    let options = ConnectOptions {
        host: "127.0.0.1".to_owned(),
        port,
        ..ConnectOptions::default()
    };
    let (connection, _) = Connection::open(options).await.map_err(failed)?;
    Ok(connection)
}

/// This program again, as one of its parts.
pub(crate) fn this_program<const N: usize>(part: [&str; N]) -> Result<Command, BenchError> {
    let program = std::env::current_exe().map_err(BenchError::io("finding this program"))?;
    let mut command = Command::new(program);
    command.args(part);
    Ok(command)
}

/// For `map_err` on what our own client says.
pub(crate) fn failed(error: impl std::fmt::Display) -> BenchError {
    BenchError::client("bergen-amqp")(error)
}

fn free_port() -> Result<u16, BenchError> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr());
    Ok(bound
        .map_err(BenchError::io("looking for a free port"))?
        .port())
}
