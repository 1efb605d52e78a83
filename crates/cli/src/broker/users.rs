//! Who may log in, from the options.

use std::path::Path;

use bergen_broker::{Access, PasswordHash, User, read_users_file};

use super::options::BrokerOptions;
use super::password;
use crate::exit::Failed;

/// The users of `--users-file` and `--user`; without either, RabbitMQ's guest.
pub(super) fn access(options: &BrokerOptions) -> Result<Access, Failed> {
    let mut users = match &options.users_file {
        Some(path) => read_users_file(path).map_err(|error| Failed::Usage(error.to_string()))?,
        None => Vec::new(),
    };
    for typed in &options.user {
        users.push(user(typed, |name| std::env::var(name).ok())?);
    }
    if users.is_empty() {
        return Ok(Access::default());
    }
    Access::new(users).map_err(|error| Failed::Usage(error.to_string()))
}

fn user(typed: &str, environment: impl Fn(&str) -> Option<String>) -> Result<User, Failed> {
    let (name, password) = match typed.split_once('=') {
        Some((name, file)) => (name, password::from_file(name, Path::new(file))?),
        // What stands behind is not repeated: it is a password.
        None => match typed.split_once(':') {
            Some((name, _)) => {
                return Err(Failed::Usage(format!(
                    "--user {name}:…: a password on the command line is read by everybody on this machine; \
                     write --user {name}=FILE, or --user {name} and set BERGEN_PASSWORD"
                )));
            }
            None => (typed, password::from_environment(typed, environment)?),
        },
    };
    if name.is_empty() {
        return Err(Failed::Usage("--user: the name is missing".to_owned()));
    }
    Ok(User::new(name, PasswordHash::new(&password)).full_access())
}

#[cfg(test)]
mod tests;
