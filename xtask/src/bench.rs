use crate::command::{cargo, shown};
use crate::{Error, setup};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// What is measured: the AMQP client, or RPC as a whole.
    #[arg(value_parser = ["amqp", "rpc"])]
    what: String,

    /// Arguments for the benchmark itself.
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Builds one benchmark in release mode and runs it; it starts a RabbitMQ of its own.
pub(crate) fn run(options: &Options) -> Result<(), Error> {
    setup::run()?;
    let mut command = cargo();
    command
        .args(["run", "--release", "--locked", "--package", "bergen-bench"])
        .args(["--bin", &format!("bench-{}", options.what), "--"])
        .args(&options.arguments);
    shown(&mut command)
}
