use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::Error;

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// The Cargo that runs this program, in the workspace.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs a program whose output is only of interest when it fails.
pub(crate) fn quiet(command: &mut Command) -> Result<String, Error> {
    let output = output(command)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [output.stdout.as_slice(), b"\n", output.stderr.as_slice()].concat();
    Err(Error::Failed {
        command: line(command),
        status: output.status.to_string(),
        output: format!(":\n{}", String::from_utf8_lossy(&said).trim()),
    })
}

/// Runs a program that talks to the user itself.
pub(crate) fn shown(command: &mut Command) -> Result<(), Error> {
    let status = command.status().map_err(start(command))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Failed {
        command: line(command),
        status: status.to_string(),
        output: String::new(),
    })
}

/// Runs a program, shows its output as it comes, and returns what came on its standard output;
/// the flag is whether it succeeded.
pub(crate) fn shown_and_kept(command: &mut Command) -> Result<(bool, Vec<String>), Error> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(start(command))?;
    let mut lines = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            println!("{line}");
            lines.push(line);
        }
    }
    let status = child.wait().map_err(start(command))?;
    Ok((status.success(), lines))
}

/// Runs a program and takes all it says.
pub(crate) fn output(command: &mut Command) -> Result<Output, Error> {
    command.output().map_err(start(command))
}

/// A program of the workspace as Cargo built it, beside this one.
pub(crate) fn built(program: &str) -> PathBuf {
    let own = std::env::current_exe().ok();
    own.and_then(|own| Some(own.parent()?.join(program)))
        .unwrap_or_else(|| root().join("target/debug").join(program))
}

/// Looks a program up in `PATH`.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// A command as one would type it.
pub(crate) fn line(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

fn start(command: &Command) -> impl FnOnce(std::io::Error) -> Error + use<> {
    let program = command.get_program().to_string_lossy().into_owned();
    move |source| Error::Start { program, source }
}
