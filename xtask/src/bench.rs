use std::path::Path;
use std::{fs, io};

use crate::command::{cargo, shown, shown_and_kept};
use crate::{Error, setup};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// What is measured: the AMQP client; RPC as a whole, with casts, start-up and memory; notifications; the embedded broker;
    /// the bus inside a process; what growth costs; the instructions of the parts of a call; or all of these.
    #[arg(value_parser = ["all", "amqp", "rpc", "notify", "broker", "memory", "scale", "instructions"], default_value = "all")]
    what: String,

    /// Arguments for the benchmark itself.
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// The benchmarks in the order of `all`.
const ALL: [&str; 7] = [
    "rpc",
    "notify",
    "amqp",
    "broker",
    "memory",
    "scale",
    "instructions",
];

/// Builds benchmarks in release mode and runs them; each starts a RabbitMQ of its own where it needs one.
pub(crate) fn run(options: &Options) -> Result<(), Error> {
    setup::run()?;
    if options.what != "all" {
        return shown(program(&options.what).args(&options.arguments));
    }
    if !options.arguments.is_empty() {
        let words = "arguments are those of one benchmark: name it, as in `cargo xtask bench rpc -- --rounds 5`";
        return Err(Error::Wrong(words.to_owned()));
    }
    // All at once: what is built between two of them would warm the machine up for the second.
    let package = [
        "build",
        "--release",
        "--locked",
        "--package",
        "bergen-bench",
    ];
    shown(cargo().args(package).arg("--bins"))?;
    let (mut summary, mut failed) = (String::new(), Vec::new());
    for what in ALL {
        println!("\n== {what}");
        let (succeeded, lines) = shown_and_kept(&mut program(what))?;
        if !succeeded {
            failed.push(what);
        }
        let written = lines
            .iter()
            .find_map(|line| line.strip_prefix("Written to "));
        if let Some(file) = written {
            let verdicts = verdicts(Path::new(file)).map_err(Error::file(Path::new(file)))?;
            summary.push_str(&[verdicts.as_str(), what, ": ", file, "\n"].concat());
        }
    }
    println!("\n== summary\n\n{summary}");
    if failed.is_empty() {
        return Ok(());
    }
    Err(Error::Wrong(format!("failed: {}", failed.join(", "))))
}

fn program(what: &str) -> std::process::Command {
    let mut command = cargo();
    command
        .args(["run", "--release", "--locked", "--package", "bergen-bench"])
        .args(["--bin", &format!("bench-{what}"), "--"]);
    command
}

/// What a measurement says of the budgets: the section of that name, and the line that names the gate.
fn verdicts(file: &Path) -> io::Result<String> {
    let text = fs::read_to_string(file)?;
    let budgets = text.split_once("## Budgets\n").map_or("", |(_, rest)| rest);
    let gate = text.lines().find(|line| line.starts_with("Gate"));
    let parts = [budgets.trim(), gate.unwrap_or_default()];
    let parts = parts.iter().filter(|part| !part.is_empty());
    Ok(parts.flat_map(|part| [*part, "\n\n"]).collect())
}
