//! Where passwords come from: never from the command line.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::exit::Failed;

/// The variable of the environment that counts for every user without one of its own.
const VARIABLE: &str = "BERGEN_PASSWORD";

/// The password of a user from the environment.
pub(super) fn from_environment(
    user: &str,
    read: impl Fn(&str) -> Option<String>,
) -> Result<String, Failed> {
    let own = variable(user);
    [own.as_str(), VARIABLE]
        .into_iter()
        .find_map(|name| read(name).filter(|password| !password.is_empty()))
        .ok_or_else(|| {
            Failed::Usage(format!(
                "--user {user}: no password; set {own}, or write --user {user}=FILE with the password in the \
                 file's first line"
            ))
        })
}

/// The password in the first line of a file.
pub(super) fn from_file(user: &str, path: &Path) -> Result<String, Failed> {
    let wrong = |reason: &dyn ToString| {
        Failed::Usage(format!(
            "--user {user}={}: {}",
            path.display(),
            reason.to_string()
        ))
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    match text.lines().next() {
        None | Some("") => Err(wrong(&"the first line, the password, is empty")),
        Some(password) => Ok(password.to_owned()),
    }
}

/// Reads a password from stdin: at a terminal asked for, and not shown.
pub(super) fn from_stdin() -> Result<String, Failed> {
    let system = |error: io::Error| Failed::System(format!("cannot read the password: {error}"));
    let stdin = io::stdin();
    let hidden = if stdin.is_terminal() {
        let _ = write!(io::stderr(), "Password: ").and_then(|()| io::stderr().flush());
        Some(Hidden::new().map_err(system)?)
    } else {
        None
    };
    let mut line = String::new();
    stdin.lock().read_line(&mut line).map_err(system)?;
    if hidden.is_some() {
        let _ = writeln!(io::stderr());
    }
    match line.trim_end_matches(['\n', '\r']) {
        "" => Err(Failed::Usage(
            "an empty password would let nobody in: type one, or pipe it to stdin".to_owned(),
        )),
        password => Ok(password.to_owned()),
    }
}

/// The user's own variable: `BERGEN_PASSWORD_NOVA` for `nova`, with `_` for what names of variables do not have.
fn variable(user: &str) -> String {
    let name = user.chars().map(|character| {
        if character.is_ascii_alphanumeric() {
            character.to_ascii_uppercase()
        } else {
            '_'
        }
    });
    format!("{VARIABLE}_{}", name.collect::<String>())
}

/// A terminal that does not show what is typed, until dropped.
struct Hidden(Termios);

impl Hidden {
    fn new() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &quiet)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}

#[cfg(test)]
mod tests;
