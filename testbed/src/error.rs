use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// What can go wrong with a foreign thing. `Debug` prints the same sentence as `Display`, so that
/// an `unwrap` in a test is readable.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum TestbedError {
    /// The foreign programs have not been laid down.
    #[error("{what} is missing: run `cargo xtask setup`")]
    NotSetUp {
        /// The file that was looked for, or what it is unfit for.
        what: String,
    },

    /// Our own program is not there.
    #[error("{} is missing: run `cargo build --package bergen-cli`", .program.display())]
    NotBuilt {
        /// Where it was looked for.
        program: PathBuf,
    },

    /// The operating system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// The system's answer.
        source: io::Error,
    },

    /// A program did not become ready, answer, or end in time.
    #[error("{who} did not {what} within {limit:?}{}", Tail(.output))]
    Late {
        /// The program.
        who: String,
        /// What was waited for.
        what: String,
        /// How long it was waited for.
        limit: Duration,
        /// The end of what the program had printed.
        output: String,
    },

    /// A program ended though it was needed.
    #[error("{who} ended ({status}){}", Tail(.output))]
    Ended {
        /// The program.
        who: String,
        /// Its exit status.
        status: String,
        /// The end of what the program had printed.
        output: String,
    },

    /// A peer said something that is not in its protocol.
    #[error("{who} said {line:?}, which is not the JSON that was expected{}", Tail(.output))]
    NotJson {
        /// The peer.
        who: String,
        /// The line it printed.
        line: String,
        /// The end of what it had printed on its standard error.
        output: String,
    },

    /// The broker's management interface refused a request.
    #[error("management {method} {path}: {detail}")]
    Management {
        /// The HTTP method.
        method: &'static str,
        /// The path asked for.
        path: String,
        /// The status line or the failure.
        detail: String,
    },

    /// An address in the environment cannot be used.
    #[error("{name}={value:?} is not of the form {form}")]
    Address {
        /// The name of the environment variable.
        name: &'static str,
        /// Its value, without a password.
        value: String,
        /// What it should look like.
        form: &'static str,
    },
}

impl TestbedError {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    pub(crate) fn missing(path: impl Into<PathBuf>) -> Self {
        Self::NotSetUp {
            what: path.into().display().to_string(),
        }
    }
}

impl fmt::Debug for TestbedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A program's last words, when there are any.
struct Tail<'a>(&'a str);

impl fmt::Display for Tail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(f, "; it printed:\n{}", self.0)
    }
}
