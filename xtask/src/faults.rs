use crate::command::{cargo, shown};
use crate::{Error, setup};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Rows to run, and options of the suite: `--long`, `--list`, `--json`, `--no-write`. `broker` in front: the suite of
    /// the embedded broker.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Builds the fault suite and runs it; it starts brokers and peers of its own.
pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let (program, arguments) = match options.arguments.as_slice() {
        [first, rest @ ..] if first == "broker" => ("broker-faults", rest),
        all => ("faults", all),
    };
    if program == "faults" {
        setup::run()?;
    }
    let mut command = cargo();
    command
        .args(["run", "--locked", "--quiet", "--package", "bergen-faults"])
        .args(["--bin", program, "--"])
        .args(arguments);
    shown(&mut command)
}
