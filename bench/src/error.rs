//! Why a benchmark ended without figures.

use std::io;

use bergen_testbed::TestbedError;

/// What can go wrong while measuring.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// A broker or a peer could not be started.
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
    /// A worker process ended, was late, or said something else than expected.
    #[error("{who}: {what}")]
    Worker {
        /// The worker.
        who: String,
        /// What it did, or did not do.
        what: String,
    },
    /// The messaging library under test failed.
    #[error("{client}: {what}")]
    Client {
        /// The library.
        client: &'static str,
        /// Its words.
        what: String,
    },
    /// A file of the measurement could not be built.
    #[error("writing the measurement: {0}")]
    Json(#[from] serde_json::Error),
    /// The command line asks for something that does not exist.
    #[error("{0}")]
    Usage(String),
}

impl BenchError {
    /// For `map_err` on I/O.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// For `map_err` on the errors of a library under test.
    pub fn client<E: std::fmt::Display>(client: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self::Client {
            client,
            what: error.to_string(),
        }
    }

    /// A worker that did not do its part.
    pub fn worker(who: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Worker {
            who: who.into(),
            what: what.into(),
        }
    }
}
