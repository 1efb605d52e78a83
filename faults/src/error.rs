use std::io;

use bergen_testbed::TestbedError;

/// Why a row could not be run to its end: something of the suite itself, not a message that is missing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FaultsError {
    /// A broker or a peer could not be started or told something.
    #[error(transparent)]
    Testbed(#[from] TestbedError),
    /// The operating system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// The system's answer.
        source: io::Error,
    },
    /// Something that had to happen before the fault, or because of it, did not.
    #[error("{0} did not happen in time")]
    Never(String),
    /// A worker could not do its part.
    #[error("worker: {0}")]
    Worker(String),
    /// A record could not be written.
    #[error("writing the record: {0}")]
    Json(#[from] serde_json::Error),
    /// There is no such row.
    #[error("there is no row {0:?}; `--list` shows them")]
    NoSuchRow(String),
}

impl FaultsError {
    /// For `map_err` on I/O.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// For `map_err` in a worker.
    pub(crate) fn worker(error: impl std::fmt::Display) -> Self {
        Self::Worker(error.to_string())
    }
}
