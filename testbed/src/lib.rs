//! The lives of foreign things in tests: RabbitMQ nodes, Python peers, a fault proxy.
//!
//! Everything here listens on the loopback interface only, on ports that were free, with its
//! data in a private folder, and is gone when its owner is dropped — also when the test process
//! is killed, because a small watchdog process outlives it by the moment that cleaning up takes.
//!
//! The foreign programs are laid down by `cargo xtask setup`; without it every function here
//! fails with [`TestbedError::NotSetUp`], which says so.
//!
//! ```no_run
//! # async fn example() -> Result<(), bergen_testbed::TestbedError> {
//! let vhost = bergen_testbed::TestVhost::new("calls").await?;
//! println!("{}", vhost.url()); // rabbit://guest:guest@127.0.0.1:PORT/…
//! # Ok(())
//! # }
//! ```

mod bergen;
mod certificates;
mod error;
mod guard;
mod lines;
mod peer;
mod ports;
mod proxy;
mod python;
mod rabbit;
mod tools;

pub use bergen::BergenBroker;
pub use certificates::Certificates;
pub use error::TestbedError;
pub use guard::{Guarded, Signal};
pub use peer::Peer;
pub use ports::free as free_ports;
pub use proxy::{Direction, FaultProxy, Mutation};
pub use python::{PythonPeer, PythonProgram};
pub use rabbit::builder::RabbitBuilder;
pub use rabbit::cluster::RabbitCluster;
pub use rabbit::management::{Management, Message};
pub use rabbit::node::RabbitNode;
pub use rabbit::shared::{SharedRabbit, TestVhost, shared_rabbit};
pub use tools::{RabbitTools, Tools};
