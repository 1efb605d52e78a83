//! What the benchmarks share: the loops that make the load, the worker processes that run it, what a
//! process costs according to `/proc`, and the files that a measurement is written to.
//!
//! Seven programs are built on it: `bench-amqp` puts our AMQP client beside the others, `bench-rpc`
//! our RPC beside the Python library's, `bench-notify` does so with notifications, `bench-broker` our broker beside RabbitMQ, `bench-memory` calls
//! inside one process, `bench-scale` shows what growth costs, `bench-instructions` counts instructions.
//! They judge nothing by the clock: a budget that is missed is printed as missed, and the program ends
//! well all the same.

pub mod broker;
pub mod error;
pub mod io;
pub mod load;
pub mod machine;
pub mod notify;
pub mod options;
pub mod peers;
pub mod plot;
pub mod process;
pub mod record;
pub mod rpc;
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

/// How a benchmark's program ends: an error goes to standard error under the program's name.
pub fn exit(program: &str, done: Result<(), BenchError>) -> std::process::ExitCode {
    match done {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{program}: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}
