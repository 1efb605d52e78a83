//! What can be wrong with a configuration.

use crate::file::FileError;
use crate::source::Source;
use crate::value::InvalidValue;

/// An option or value that is not as declared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionError {
    /// There is no such option.
    #[error("unknown option {option}, from {from}")]
    Unknown {
        /// `[group] name`.
        option: String,
        /// Who set or asked for it.
        from: Source,
    },
    /// The value is not one the option takes.
    #[error("{value:?} is no value for option {option}, from {from}{}: {problem}", overriding(.overridden))]
    Invalid {
        /// `[group] name`.
        option: String,
        /// The value as it is written, masked if it is secret.
        value: String,
        /// Where it came from.
        from: Source,
        /// Where else the option is set, without effect; the weakest first.
        overridden: Box<[Source]>,
        /// What would be a value.
        problem: InvalidValue,
    },
    /// The value refers to another option in a way that gives no text.
    #[error("the value of option {option}, from {from}, refers to {reference}: {problem}")]
    Reference {
        /// `[group] name`.
        option: String,
        /// Where the value came from.
        from: Source,
        /// The reference; masked if the option is secret, whose value it is part of.
        reference: String,
        /// What is wrong with it.
        problem: ReferenceProblem,
    },
    /// The program asked for a type that does not hold the option's value.
    #[error("option {option} has no value of the type that the program asks for")]
    NotOfType {
        /// `[group] name`.
        option: String,
    },
}

impl OptionError {
    pub(crate) fn unknown(group: &str, name: &str, from: Source) -> Self {
        Self::Unknown {
            option: full_name(group, name),
            from,
        }
    }
}

/// Why `$name` in a value can't be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceProblem {
    /// No such option is declared.
    #[error("there is no such option; for a dollar sign write $$")]
    Unknown,
    /// The option refers to itself, perhaps by way of others.
    #[error("its own value depends on this one")]
    Loop,
    /// The references of the value add more than a mebibyte to it.
    #[error("the value grows by more than 1 MiB")]
    TooLong,
}

/// Why a configuration can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A directory of files.
    #[error("cannot read the configuration directory {path}: {reason}")]
    Directory {
        /// The directory.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// The value of an option.
    #[error(transparent)]
    Option(#[from] OptionError),
}

impl ConfigError {
    /// File, line and column, both from 1; `None` if it is no line of a file that is wrong.
    pub fn place(&self) -> Option<(&str, usize, u32)> {
        match self {
            Self::File(FileError::Syntax {
                path, line, column, ..
            }) => Some((path, *line, *column)),
            Self::Option(
                OptionError::Invalid { from, .. } | OptionError::Reference { from, .. },
            ) => from.place(),
            _ => None,
        }
    }
}

/// What is shown of a secret.
pub(crate) const MASK: &str = "****";

pub(crate) fn full_name(group: &str, name: &str) -> String {
    format!("[{group}] {name}")
}

/// The last of what a value overrides.
fn overriding(overridden: &[Source]) -> String {
    overridden
        .last()
        .map_or_else(String::new, |last| format!(", which overrides {last}"))
}
