//! Where events are taken from.

use std::fmt;

use bergen::driver::ListenOptions;
use bergen::wire::Id;

/// Where events are taken from.
#[derive(Debug, PartialEq)]
pub(super) enum Source {
    /// A queue of its own that gets copies, and goes with it.
    Own(String),
    /// The queue of a pool, which gets copies for all who share it.
    Pool(String),
    /// The queues that services take from.
    Shared,
}

impl Source {
    pub(super) fn new(pool: Option<String>, steal: bool) -> Self {
        match pool {
            Some(pool) => Self::Pool(pool),
            None if steal => Self::Shared,
            None => Self::Own(format!("bergen_listen_{}", Id::new())),
        }
    }

    /// The pool to listen in.
    pub(super) fn pool(&self) -> Option<&str> {
        match self {
            Self::Own(pool) | Self::Pool(pool) => Some(pool),
            Self::Shared => None,
        }
    }

    /// The same options for this source.
    pub(super) fn apply(&self, options: ListenOptions) -> ListenOptions {
        match self {
            Self::Own(_) => options.with_temporary_pool(),
            Self::Pool(_) | Self::Shared => options,
        }
    }
}

/// What it does, for whoever starts it.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(queue) => write!(
                f,
                "shows copies of what is published from now on, by queue {queue}, which goes when this ends"
            ),
            Self::Pool(pool) => write!(
                f,
                "takes from pool {pool}, whose other listeners do not get what this takes; its queue stays"
            ),
            Self::Shared => {
                f.write_str("takes events away from the services that listen (--steal)")
            }
        }
    }
}
