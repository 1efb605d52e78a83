use std::io;
use std::path::{Path, PathBuf};

/// Why an act of development failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A program could not be started.
    #[error("cannot run {program}: {source}")]
    Start { program: String, source: io::Error },

    /// A program failed.
    #[error("`{command}` failed ({status}){output}")]
    Failed {
        command: String,
        status: String,
        /// What it said, if that was not shown already.
        output: String,
    },

    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },

    /// Something has to be done by hand first.
    #[error("{what}\n  to have it:  {how}")]
    ByHand { what: String, how: String },

    /// The testbed refused.
    #[error(transparent)]
    Testbed(#[from] bergen_testbed::TestbedError),

    /// Something is not as it should be; the details have been printed.
    #[error("{0}")]
    Wrong(String),
}

impl Error {
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}
