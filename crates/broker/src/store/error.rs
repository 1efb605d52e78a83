//! What can be wrong with a data directory.

use std::io;
use std::path::PathBuf;

/// The data directory cannot be used. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another broker uses it.
    #[error(
        "the data directory {} is used by another broker; stop that one or name another directory", path.display()
    )]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// It was written by a version that this one does not know.
    #[error(
        "the data directory {} says {found:?} where this broker knows {known:?}; use the broker that wrote it, \
         or another directory", path.display()
    )]
    Version {
        /// The directory.
        path: PathBuf,
        /// What its stamp says.
        found: String,
        /// What this broker writes.
        known: &'static str,
    },
    /// What had safely reached the disk is not there any more, or is something else: a broken disk, or files that were
    /// changed by hand. (What a crash leaves unfinished at the end is no error, see
    /// [`Report::torn`](super::Report::torn).)
    #[error(
        "{} is damaged at byte {offset}: {what}. Restore the data directory from a copy; or keep what stands before: \
         `truncate -s {offset} {}`, and move away all log files with higher numbers", file.display(), file.display()
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where in it, in bytes.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// A log file is missing between others, or is not the one that belongs there.
    #[error(
        "{} is missing or not the one that belongs there. Restore the data directory from a copy; or keep what stands \
         before: move away all log files with this number and higher ones", file.display()
    )]
    Missing {
        /// The file.
        file: PathBuf,
    },
    /// The system refused something.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, for example `write`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The store ended before everything was on disk, since it could not be written.
    #[error("{batches} batches of changes did not reach the disk: {reason}")]
    NotWritten {
        /// How many.
        batches: usize,
        /// Why.
        reason: String,
    },
}
