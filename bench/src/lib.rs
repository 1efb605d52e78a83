//! What the benchmarks share: the closed loop that makes the load, the worker processes that run it,
//! what a process costs according to `/proc`, and the file that a measurement is written to.
//!
//! Two programs are built on it: `bench-amqp` puts our AMQP client beside the others, `bench-rpc`
//! puts our RPC beside the Python library's. Both judge nothing by the clock: a budget that is missed
//! is printed as missed, and the program ends well all the same.

pub mod broker;
pub mod error;
pub mod load;
pub mod machine;
pub mod options;
pub mod process;
pub mod record;
pub mod series;
pub mod table;
pub mod worker;

pub use error::BenchError;

/// The runtime of a benchmark's process: tokio's current-thread runtime for one thread, else its
/// multi-thread runtime with so many workers.
pub fn runtime(threads: usize) -> Result<tokio::runtime::Runtime, BenchError> {
    let mut builder = match threads {
        0 | 1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let builder = builder.enable_all().worker_threads(threads.max(1));
    builder
        .build()
        .map_err(BenchError::io("starting a runtime"))
}
