//! The file with users and their permissions.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{PasswordHash, Permissions, User};

#[cfg(test)]
mod tests;

/// A users file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UsersFileError {
    /// It cannot be read.
    #[error("cannot read the users file {}: {cause}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Others could add users.
    #[error(
        "others than its owner may write to the users file {place}, mode {mode:o}: chmod 600 {place}",
        place = path.display()
    )]
    Writable {
        /// Which.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A line makes no sense.
    #[error("{}:{line}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The first is 1.
        line: usize,
        /// What is wrong with it, and how it should be.
        reason: String,
    },
    /// It names nobody.
    #[error("the users file {} holds no user", path.display())]
    Empty {
        /// Which.
        path: PathBuf,
    },
}

/// Reads users and their permissions from a file with lines of two kinds, in the order of `rabbitmqctl`'s arguments:
///
/// ```text
/// # user NAME HASH [TAG,TAG]
/// user nova JR0rEkeszdvjrVlBpJ30IUxIY9QzVISzJ827rGEAJJP0QeQb administrator
/// user compute-1 -
///
/// # permissions NAME VHOST CONFIGURE WRITE READ
/// permissions nova      /  .*      .*   .*
/// permissions compute-1 /  ^reply_ .*   "^reply_|^compute"
/// ```
///
/// A hash is what [`PasswordHash::parse`] takes; `-` stands for none, for users who come with a certificate. A word
/// with spaces, or an empty one, stands in double quotes, where `""` is one quote. A word that begins with `#` and what
/// follows it is a comment. A user without permissions may enter no virtual host.
///
/// A file that others may write to is refused. One that others may read is read, and a warning logged.
pub fn read_users_file(path: &Path) -> Result<Vec<User>, UsersFileError> {
    let read = |cause| UsersFileError::Read {
        path: path.to_owned(),
        cause,
    };
    let mode = fs::metadata(path).map_err(read)?.permissions().mode() & 0o7777;
    if mode & 0o022 != 0 {
        let path = path.to_owned();
        return Err(UsersFileError::Writable { path, mode });
    }
    if mode & 0o044 != 0 {
        let path = path.display();
        tracing::warn!(
            "others may read the users file {path}, mode {mode:o}: chmod 600 {path} keeps its hashes from guessers"
        );
    }
    let text = fs::read_to_string(path).map_err(read)?;
    let users = parse(&text).map_err(|(line, reason)| UsersFileError::Line {
        path: path.to_owned(),
        line,
        reason,
    })?;
    if users.is_empty() {
        let path = path.to_owned();
        return Err(UsersFileError::Empty { path });
    }
    Ok(users)
}

/// A line and what is wrong with it.
type Mistake = (usize, String);

fn parse(text: &str) -> Result<Vec<User>, Mistake> {
    let mut users: BTreeMap<String, User> = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        let mistake = |reason: String| (number, reason);
        let words = words(line).map_err(mistake)?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match *words.as_slice() {
            [] => {}
            ["user", name, hash, ref tags @ ..] if tags.len() <= 1 => {
                let tags = tags.first().copied().unwrap_or_default();
                let user = user(name, hash, tags).map_err(mistake)?;
                if users.insert(name.to_owned(), user).is_some() {
                    return Err(mistake(format!("user {name:?} is given twice")));
                }
            }
            ["permissions", name, virtual_host, configure, write, read] => {
                let user = users.get_mut(name).ok_or_else(|| {
                    mistake(format!(
                        "user {name:?} is not given in a line above this one"
                    ))
                })?;
                if user.permissions().any(|(given, _)| given == virtual_host) {
                    return Err(mistake(format!(
                        "permissions of {name:?} in {virtual_host:?} are given twice"
                    )));
                }
                let permissions = Permissions::new(configure, write, read)
                    .map_err(|error| mistake(error.to_string()))?;
                user.set_permissions(virtual_host, permissions);
            }
            ["user", ..] => {
                return Err(mistake(
                    "write: user NAME HASH [TAG,TAG] (a hash, not a password)".to_owned(),
                ));
            }
            ["permissions", ..] => {
                return Err(mistake(
                    "write: permissions NAME VHOST CONFIGURE WRITE READ (\"\" for nothing)"
                        .to_owned(),
                ));
            }
            [first, ..] => {
                return Err(mistake(format!(
                    "a line begins with user or permissions, not {first:?}"
                )));
            }
        }
    }
    Ok(users.into_values().collect())
}

fn user(name: &str, hash: &str, tags: &str) -> Result<User, String> {
    if name.is_empty() {
        return Err("a user needs a name".to_owned());
    }
    let user = match hash {
        "-" => User::without_password(name),
        // Not repeated: it may be a password.
        _ => User::new(
            name,
            PasswordHash::parse(hash).map_err(|error| error.to_string())?,
        ),
    };
    let tags = tags.split(',').filter(|tag| !tag.is_empty());
    Ok(tags.fold(user, User::tag))
}

/// The words of a line.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() && !rest.starts_with('#') {
        let (word, behind) = if let Some(quoted) = rest.strip_prefix('"') {
            quoted_word(quoted)?
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let (word, behind) = rest.split_at(end);
            (word.to_owned(), behind)
        };
        words.push(word);
        rest = behind.trim_start();
    }
    Ok(words)
}

/// The word up to its closing quote, and what follows that.
fn quoted_word(text: &str) -> Result<(String, &str), String> {
    let mut word = String::new();
    let mut rest = text;
    loop {
        let (part, behind) = rest.split_once('"').ok_or("a closing quote is missing")?;
        word.push_str(part);
        match behind.strip_prefix('"') {
            Some(further) => {
                word.push('"');
                rest = further;
            }
            None if behind.is_empty() || behind.starts_with(char::is_whitespace) => {
                return Ok((word, behind));
            }
            None => return Err("a space is missing behind a closing quote".to_owned()),
        }
    }
}
