//! The few things that the store wants of a file system; tests put their own in its place.

use std::fmt::Debug;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::StoreError;

/// A directory of files.
pub(super) trait Files: Debug + Send {
    /// Makes an empty file, or empties the one that is there.
    fn create(&self, name: &str) -> io::Result<Box<dyn LogFile>>;
    /// Opens a file for writing.
    fn open(&self, name: &str) -> io::Result<Box<dyn LogFile>>;
    /// All of a file.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes creations and removals safe.
    fn sync(&self) -> io::Result<()>;
    fn names(&self) -> io::Result<Vec<String>>;
    /// How many bytes more may be written.
    fn available(&self) -> io::Result<u64>;
    /// For messages.
    fn path(&self, name: &str) -> PathBuf;
}

/// A file that is written to.
pub(super) trait LogFile: Debug + Send {
    fn write_all_at(&self, data: &[u8], offset: u64) -> io::Result<()>;
    fn set_len(&self, length: u64) -> io::Result<()>;
    fn sync(&self) -> io::Result<()>;
}

/// What a directory says of itself in its file `format`.
const STAMP: &str = "bergen broker data 1";
const STAMP_FILE: &str = "format";
const LOCK_FILE: &str = "lock";

/// A directory on disk, locked against other brokers as long as this value lives.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    sync: bool,
    _lock: File,
}

impl Directory {
    /// Makes the directory (0700) if it is not there, locks it and looks at its stamp. With `sync: false` nothing is
    /// ever forced to the disk.
    pub(super) fn open(path: &Path, sync: bool) -> Result<Self, StoreError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|source| io_error("create", path, source))?;
        let lock_path = path.join(LOCK_FILE);
        let lock = private(true)
            .open(&lock_path)
            .map_err(|source| io_error("open", &lock_path, source))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(StoreError::Locked {
                    path: path.to_owned(),
                });
            }
            Err(fs::TryLockError::Error(source)) => {
                return Err(io_error("lock", &lock_path, source));
            }
        }
        let directory = Self {
            path: path.to_owned(),
            sync,
            _lock: lock,
        };
        directory.check_stamp()?;
        Ok(directory)
    }

    fn check_stamp(&self) -> Result<(), StoreError> {
        let path = self.path.join(STAMP_FILE);
        match fs::read(&path) {
            Ok(found) if found.trim_ascii() == STAMP.as_bytes() => Ok(()),
            // A crash between making the file and filling it leaves it empty.
            Ok(found) if !found.is_empty() => Err(StoreError::Version {
                path: self.path.clone(),
                found: String::from_utf8_lossy(&found).chars().take(80).collect(),
                known: STAMP,
            }),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(io_error("read", &path, error))
            }
            _ => self
                .write_stamp(&path)
                .map_err(|source| io_error("write", &path, source)),
        }
    }

    fn write_stamp(&self, path: &Path) -> io::Result<()> {
        let mut file = private(true).open(path)?;
        writeln!(file, "{STAMP}")?;
        if self.sync {
            file.sync_all()?;
        }
        Files::sync(self)
    }
}

impl Files for Directory {
    fn create(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        let file = private(true).truncate(true).open(self.path.join(name))?;
        Ok(Box::new(Synced {
            file,
            sync: self.sync,
        }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        let file = private(false).open(self.path.join(name))?;
        Ok(Box::new(Synced {
            file,
            sync: self.sync,
        }))
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.path.join(name))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync(&self) -> io::Result<()> {
        if self.sync {
            File::open(&self.path)?.sync_all()
        } else {
            Ok(())
        }
    }

    fn names(&self) -> io::Result<Vec<String>> {
        fs::read_dir(&self.path)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    fn available(&self) -> io::Result<u64> {
        let system = rustix::fs::statvfs(&self.path)?;
        Ok(system.f_bavail.saturating_mul(system.f_frsize))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

#[derive(Debug)]
struct Synced {
    file: File,
    sync: bool,
}

impl LogFile for Synced {
    fn write_all_at(&self, data: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(data, offset)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        if self.sync {
            self.file.sync_data()
        } else {
            Ok(())
        }
    }
}

/// Files that nobody else may read, as messages may hold secrets.
fn private(create: bool) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(create).mode(0o600);
    options
}

pub(super) fn io_error(action: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}
