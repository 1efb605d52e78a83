//! A lock between processes, the same that oslo.concurrency takes.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::io::Errno;

#[cfg(test)]
mod tests;

/// A held lock; dropped, it is free.
///
/// A record lock of POSIX (`fcntl`), over the whole file, because the peer's is one: a lock by `flock`, which is what
/// the standard library offers, is not seen by those who take record locks.
#[derive(Debug)]
pub(super) struct LockFile {
    file: File,
    /// Record locks are the process's: they do not keep its own threads apart, and closing the file anywhere in the
    /// process frees them. So only one thread at a time works with lock files.
    _alone: MutexGuard<'static, ()>,
}

/// Why a lock is not held.
#[derive(Debug, thiserror::Error)]
pub(super) enum LockError {
    #[error("cannot lock {}: {cause}; [oslo_concurrency] lock_path must be a folder to write in", path.display())]
    File { path: PathBuf, cause: io::Error },
    #[error("another process has held the lock {} for {waited:?}", path.display())]
    Held { path: PathBuf, waited: Duration },
}

static ALONE: Mutex<()> = Mutex::new(());

/// Between two attempts; the peer's first pause.
const PAUSE: Duration = Duration::from_millis(10);

impl LockFile {
    /// Waits for the lock, with the thread, at most for `patience`. Creates the file and its folder when missing.
    pub(super) fn acquire(path: &Path, patience: Duration) -> Result<Self, LockError> {
        let failed = |cause| LockError::File {
            path: path.to_owned(),
            cause,
        };
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        // Nothing is ever written, but a write lock needs a file that could be.
        let file = File::options().append(true).create(true).open(path);
        let file = file.map_err(failed)?;
        let start = Instant::now();
        loop {
            match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {
                    return Ok(Self {
                        file,
                        _alone: alone,
                    });
                }
                Err(Errno::AGAIN | Errno::ACCESS) if start.elapsed() < patience => {
                    thread::sleep(PAUSE);
                }
                Err(Errno::AGAIN | Errno::ACCESS) => {
                    return Err(LockError::Held {
                        path: path.to_owned(),
                        waited: start.elapsed(),
                    });
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(failed(error.into())),
            }
        }
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // Closing the file frees it in any case.
        let _ = fcntl_lock(&self.file, FlockOperation::NonBlockingUnlock);
    }
}
