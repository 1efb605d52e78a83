//! Where a value came from.

use std::fmt;
use std::sync::Arc;

/// Where a value came from, from the weakest to the strongest.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// The declaration.
    Default,
    /// A line of a configuration file.
    File {
        /// The file as it was named.
        path: Arc<str>,
        /// Its line, from 1.
        line: usize,
        /// The character in the line where the value begins, from 1.
        column: u32,
    },
    /// A variable of the environment.
    Environment {
        /// Its name: `OS_<GROUP>__<OPTION>`.
        variable: Arc<str>,
    },
    /// The query of a transport URL.
    Url,
    /// The program, or its command line.
    Code,
}

impl Source {
    /// File, line and column, both from 1; `None` for what is in no file.
    pub fn place(&self) -> Option<(&str, usize, u32)> {
        match self {
            Self::File { path, line, column } => Some((path, *line, *column)),
            _ => None,
        }
    }

    /// Values replace those of sources that are not stronger.
    pub(crate) fn strength(&self) -> u8 {
        match self {
            Self::Default => 0,
            Self::File { .. } => 1,
            Self::Environment { .. } => 2,
            Self::Url => 3,
            Self::Code => 4,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("its default"),
            Self::File { path, line, column } => write!(f, "{path}:{line}:{column}"),
            Self::Environment { variable } => write!(f, "${variable} of the environment"),
            Self::Url => f.write_str("the transport URL"),
            Self::Code => f.write_str("the program"),
        }
    }
}
