//! `bergen broker hash-password`.

use bergen_broker::PasswordHash;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::password;
use crate::exit::Failed;
use crate::output;

/// `bergen broker hash-password`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bergen broker hash-password
  pass show nova | bergen broker hash-password nova >> users

The hash is RabbitMQ's own (rabbit_password_hashing_sha256): it can be used in its definitions as
password_hash, and RabbitMQ's here.")]
pub(crate) struct HashPassword {
    /// User: prints the whole line for a users file, not just the hash
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    user: Option<String>,
}

impl HashPassword {
    pub(super) fn run(&self) -> Result<(), Failed> {
        let hash = PasswordHash::new(&password::from_stdin()?);
        match &self.user {
            None => output::line(&hash.to_string()),
            Some(user) => output::line(&format!("user {} {hash}", word(user))),
        }
    }
}

/// A word as a users file has it.
fn word(name: &str) -> String {
    if name.contains([' ', '\t', '"', '#']) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_owned()
    }
}
