//! What a user may do in a virtual host.

use regex::{Regex, RegexBuilder};

/// The three patterns of RabbitMQ's `set_permissions`: names of exchanges and queues that a user may configure, write
/// to and read from.
///
/// A pattern is found anywhere in the name unless it has `^` and `$`; an empty one matches nothing; the default
/// exchange goes by `amq.default`. Patterns are those of the `regex` crate: PCRE without look-around and
/// backreferences.
#[derive(Debug, Clone)]
pub struct Permissions {
    configure: Pattern,
    write: Pattern,
    read: Pattern,
}

/// A pattern that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the pattern {pattern:?} cannot be used: {reason}")]
pub struct PatternError {
    /// As given.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Which of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Configure,
    Write,
    Read,
}

#[derive(Debug, Clone)]
struct Pattern {
    text: String,
    matches: Matches,
}

/// `.*` and nothing are what most users have; neither needs to be searched for with each message.
#[derive(Debug, Clone)]
enum Matches {
    Everything,
    Nothing,
    Some(Regex),
}

/// Bytes that a compiled pattern may take: there is one for each user and virtual host.
const SIZE_LIMIT: usize = 256 << 10;

impl Permissions {
    /// Permissions by their patterns, in the order of `rabbitmqctl set_permissions`.
    pub fn new(configure: &str, write: &str, read: &str) -> Result<Self, PatternError> {
        Ok(Self {
            configure: Pattern::new(configure)?,
            write: Pattern::new(write)?,
            read: Pattern::new(read)?,
        })
    }

    /// Everything: `.*` three times.
    pub fn full() -> Self {
        let everything = || Pattern {
            text: ".*".to_owned(),
            matches: Matches::Everything,
        };
        Self {
            configure: everything(),
            write: everything(),
            read: everything(),
        }
    }

    /// The pattern of what may be declared and deleted.
    pub fn configure(&self) -> &str {
        &self.configure.text
    }

    /// The pattern of what may be published to.
    pub fn write(&self) -> &str {
        &self.write.text
    }

    /// The pattern of what may be consumed.
    pub fn read(&self) -> &str {
        &self.read.text
    }

    pub(super) fn allows(&self, access: Access, name: &str) -> bool {
        let pattern = match access {
            Access::Configure => &self.configure,
            Access::Write => &self.write,
            Access::Read => &self.read,
        };
        match &pattern.matches {
            Matches::Everything => true,
            Matches::Nothing => false,
            Matches::Some(regex) => regex.is_match(name),
        }
    }
}

impl PartialEq for Permissions {
    fn eq(&self, other: &Self) -> bool {
        self.configure() == other.configure()
            && self.write() == other.write()
            && self.read() == other.read()
    }
}

impl Pattern {
    fn new(text: &str) -> Result<Self, PatternError> {
        let matches = match text {
            "" => Matches::Nothing,
            ".*" | "^.*" | ".*$" | "^.*$" => Matches::Everything,
            _ => Matches::Some(
                RegexBuilder::new(text)
                    .size_limit(SIZE_LIMIT)
                    .build()
                    .map_err(|error| PatternError {
                        pattern: text.to_owned(),
                        reason: last_line(&error.to_string()),
                    })?,
            ),
        };
        Ok(Self {
            text: text.to_owned(),
            matches,
        })
    }
}

/// The reason without the picture above it.
fn last_line(text: &str) -> String {
    let line = text.lines().last().unwrap_or(text).trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests;
