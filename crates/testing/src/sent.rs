//! What was sent on a bus.

use std::fmt;

use bergen_messaging::target::Target;
use bergen_messaging::wire::{Context, RawJson};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

/// How a message was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// To one server, which is to answer.
    Call,
    /// To one server, without an answer.
    Cast,
    /// To every server of a topic.
    Fanout,
    /// To whoever listens.
    Notification,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Call => "call",
            Self::Cast => "cast",
            Self::Fanout => "fanout",
            Self::Notification => "notification",
        })
    }
}

/// A message as its sender sent it, whatever became of it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Sent {
    /// How it was sent.
    pub kind: Kind,
    /// Where to; the exchange is filled in.
    pub target: Target,
    /// The method; of a notification its event type.
    pub method: String,
    /// The arguments by name, a JSON object; of a notification its payload.
    pub args: RawJson,
    /// Who sent it.
    pub context: Context,
    /// The priority of a notification, in lower case.
    pub priority: Option<String>,
    /// When it was sent.
    pub at: Instant,
}

impl Sent {
    /// The arguments, or the payload, as a type of the program.
    ///
    /// # Panics
    /// They are of another shape.
    #[track_caller]
    pub fn args_as<T: DeserializeOwned>(&self) -> T {
        match self.args.decode() {
            Ok(args) => args,
            Err(error) => panic!(
                "{self}\nhas arguments that are no {}: {error}",
                std::any::type_name::<T>()
            ),
        }
    }

    /// One argument as a type of the program.
    ///
    /// # Panics
    /// There is none of that name, or it is of another shape.
    #[track_caller]
    pub fn arg<T: DeserializeOwned>(&self, name: &str) -> T {
        let Some(value) = self.args.member(name) else {
            panic!("{self}\nhas no argument {name:?}")
        };
        match value.decode() {
            Ok(value) => value,
            Err(error) => panic!(
                "{self}\nargument {name:?} is no {}: {error}",
                std::any::type_name::<T>()
            ),
        }
    }

    /// Checks the arguments, or the payload: `expected` is whatever has a JSON form, for example `json!({"a": 1})`. The
    /// order of members does not count.
    ///
    /// # Panics
    /// They are others.
    #[track_caller]
    pub fn assert_args(&self, expected: &(impl Serialize + ?Sized)) -> &Self {
        let expected = encoded(expected);
        assert!(
            self.args.json_eq(&expected),
            "{self}\nshould have the arguments\n  {expected}"
        );
        self
    }

    /// Checks one argument.
    ///
    /// # Panics
    /// It is another one, or is not there.
    #[track_caller]
    pub fn assert_arg(&self, name: &str, expected: &(impl Serialize + ?Sized)) -> &Self {
        let expected = encoded(expected);
        let found = self.args.member(name);
        assert!(
            found.as_ref().is_some_and(|found| found.json_eq(&expected)),
            "{self}\nshould have the argument {name:?} with value\n  {expected}"
        );
        self
    }

    /// Checks a key of the sender's context.
    ///
    /// # Panics
    /// Its value is another one, or it is not there.
    #[track_caller]
    pub fn assert_context(&self, key: &str, expected: &(impl Serialize + ?Sized)) -> &Self {
        let expected = encoded(expected);
        let found = self.context.raw(key);
        assert!(
            found.is_some_and(|found| found.json_eq(&expected)),
            "{self}\nshould have the context key {key:?} with value\n  {expected}\nand has\n  {}",
            found.map_or("none", RawJson::as_str)
        );
        self
    }
}

impl fmt::Display for Sent {
    /// One line, for failures of tests: `call compute.host-1: reboot {"hard": true}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let topic = self.target.topic.as_deref().unwrap_or("?");
        write!(f, "{} {topic}", self.kind)?;
        if let Some(server) = &self.target.server {
            write!(f, ".{server}")?;
        }
        if let Some(priority) = &self.priority {
            write!(f, ".{priority}")?;
        }
        f.write_str(": ")?;
        if let Some(namespace) = &self.target.namespace {
            write!(f, "{namespace}.")?;
        }
        write!(f, "{} {}", self.method, self.args)
    }
}

#[track_caller]
fn encoded(expected: &(impl Serialize + ?Sized)) -> RawJson {
    match RawJson::encode(expected) {
        Ok(json) => json,
        Err(error) => panic!("what is expected has no JSON form: {error}"),
    }
}
