use std::path::Path;
use std::process::Command;

use crate::Error;
use crate::command::{cargo, root, shown};

/// The sanitizer coverage that libFuzzer steers by, which stable Rust has too. A set of its own, since a
/// `RUSTFLAGS` of the environment would be replaced.
const FLAGS: &str = "--cfg fuzzing -Ccodegen-units=1 -Cdebug-assertions -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// What is fuzzed: the name of a folder in fuzz/corpus/; all of them, one behind the other, if none is named.
    targets: Vec<String>,

    /// How long each runs, in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u32,

    /// Memory that one input may take, in MiB.
    #[arg(long, default_value_t = 512)]
    memory: u32,
}

/// Builds the targets for libFuzzer and runs each of them over its corpus. What they find that is new goes to
/// target/fuzz/corpus/, an input that breaks something to target/fuzz/found/.
pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let all = targets()?;
    let chosen = match options.targets.as_slice() {
        [] => &all,
        chosen => chosen,
    };
    if let Some(unknown) = chosen.iter().find(|target| !all.contains(target)) {
        let all = all.join(", ");
        return Err(Error::Wrong(format!(
            "no target {unknown}; there are {all}"
        )));
    }
    build(chosen)?;
    for target in chosen {
        fuzz(target, options)?;
    }
    Ok(())
}

fn targets() -> Result<Vec<String>, Error> {
    let folder = root().join("fuzz/corpus");
    let entries = std::fs::read_dir(&folder).map_err(Error::file(&folder))?;
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    Ok(names)
}

/// This machine's triple. Given by name, it keeps these builds apart from all others.
fn triple() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

fn build(targets: &[String]) -> Result<(), Error> {
    let mut command = cargo();
    command
        .env("RUSTFLAGS", FLAGS)
        .args(["build", "--release", "--target", &triple()])
        .args(["--package", "bergen-fuzz", "--features", "libfuzzer"]);
    for target in targets {
        command.args(["--bin", target]);
    }
    shown(&mut command)
}

fn fuzz(target: &str, options: &Options) -> Result<(), Error> {
    let folder = root().join("target/fuzz");
    let grown = folder.join("corpus").join(target);
    let found = folder.join("found");
    for needed in [&grown, &found] {
        std::fs::create_dir_all(needed).map_err(Error::file(needed))?;
    }
    let program = root().join("target").join(triple()).join("release");
    println!("{target}, {} s", options.seconds);
    let mut command = Command::new(program.join(target));
    command
        .arg(&grown)
        .arg(root().join("fuzz/corpus").join(target))
        .arg(prefix(&found, target))
        .arg(format!("-max_total_time={}", options.seconds))
        .arg(format!("-rss_limit_mb={}", options.memory))
        .arg("-print_final_stats=1");
    shown(&mut command)
}

/// The file names of inputs that break something.
fn prefix(found: &Path, target: &str) -> String {
    format!("-artifact_prefix={}/{target}-", found.display())
}
