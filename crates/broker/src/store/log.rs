//! The end of the log that is written to, and the files behind it.

use std::collections::BTreeMap;
use std::io;

use super::files::{Files, LogFile};
use super::frame::{self, FILE_HEADER, FileHeader};
use super::index::At;

/// Files with ascending numbers; frames are appended to the last one.
#[derive(Debug)]
pub(super) struct Log {
    files: Box<dyn Files>,
    /// Bytes in each file, the last one too.
    sizes: BTreeMap<u32, u64>,
    last: u32,
    file: Box<dyn LogFile>,
    salt: u64,
    /// The number of the next frame.
    sequence: u64,
    file_size: u64,
    /// Whether a write failed, so that the file may be longer than it should.
    dirty: bool,
}

/// Where the log ends, as it was found.
#[derive(Debug)]
pub(super) struct End {
    pub(super) sizes: BTreeMap<u32, u64>,
    /// The last file, if there is any.
    pub(super) last: Option<(u32, u64)>,
    pub(super) sequence: u64,
}

impl Log {
    /// Goes on where the log ends. Files grow to about `file_size` bytes.
    pub(super) fn resume(files: Box<dyn Files>, end: End, file_size: u64) -> io::Result<Self> {
        let (last, file, salt, sizes) = if let Some((last, salt)) = end.last {
            (last, files.open(&file_name(last))?, salt, end.sizes)
        } else {
            let (file, salt) = begin_file(files.as_ref(), 1, end.sequence)?;
            (1, file, salt, BTreeMap::from([(1, FILE_HEADER as u64)]))
        };
        let sequence = end.sequence;
        Ok(Self {
            files,
            sizes,
            last,
            file,
            salt,
            sequence,
            file_size,
            dirty: false,
        })
    }

    /// Appends a frame and waits until it is safe; where it stands. After an error nothing was appended.
    pub(super) fn append(&mut self, frame: &mut [u8]) -> io::Result<At> {
        let mut length = self.last_size();
        if self.dirty {
            self.file.set_len(length)?;
            self.dirty = false;
        }
        if length >= self.file_size {
            self.roll()?;
            length = self.last_size();
        }
        frame::seal(frame, self.salt, self.sequence);
        self.dirty = true;
        let written = self
            .file
            .write_all_at(frame, length)
            .and_then(|()| self.file.sync());
        if let Err(error) = written {
            // Room is given back at once: with a full disk others wait for it, too.
            self.dirty = self.file.set_len(length).is_err();
            return Err(error);
        }
        self.dirty = false;
        let at = At::new(self.last, self.sequence);
        self.sequence += 1;
        self.sizes.insert(self.last, length + frame.len() as u64);
        Ok(at)
    }

    /// Begins the next file.
    pub(super) fn roll(&mut self) -> io::Result<()> {
        if self.dirty {
            self.file.set_len(self.last_size())?;
            self.file.sync()?;
            self.dirty = false;
        }
        let next = self.last + 1;
        let (file, salt) = begin_file(self.files.as_ref(), next, self.sequence)
            .inspect_err(|_| drop(self.files.remove(&file_name(next))))?;
        (self.file, self.salt, self.last) = (file, salt, next);
        self.sizes.insert(next, FILE_HEADER as u64);
        Ok(())
    }

    /// The first file, if it is not the one that is written to.
    pub(super) fn oldest(&self) -> Option<u32> {
        self.sizes
            .keys()
            .next()
            .copied()
            .filter(|oldest| *oldest != self.last)
    }

    /// The content of a file.
    pub(super) fn read(&self, number: u32) -> io::Result<Vec<u8>> {
        self.files.read(&file_name(number))
    }

    /// Removes the first file. It is gone for certain before the next one may go, which may hold what deleted things
    /// in this one.
    pub(super) fn remove(&mut self, oldest: u32) -> io::Result<()> {
        self.files.remove(&file_name(oldest))?;
        self.sizes.remove(&oldest);
        self.files.sync()
    }

    /// Bytes of all files.
    pub(super) fn bytes(&self) -> u64 {
        self.sizes.values().sum()
    }

    pub(super) fn files(&self) -> &dyn Files {
        self.files.as_ref()
    }

    /// Bytes of the file that is written to.
    pub(super) fn last_size(&self) -> u64 {
        self.sizes.get(&self.last).copied().unwrap_or(0)
    }
}

pub(super) fn file_name(number: u32) -> String {
    format!("{number:010}.log")
}

/// The number of a log file; `None` for all else that may lie in the directory.
pub(super) fn file_number(name: &str) -> Option<u32> {
    name.strip_suffix(".log")?.parse().ok()
}

fn begin_file(files: &dyn Files, number: u32, first: u64) -> io::Result<(Box<dyn LogFile>, u64)> {
    let header = FileHeader {
        salt: fastrand::u64(..),
        first,
    };
    let file = files.create(&file_name(number))?;
    file.write_all_at(&header.encode(), 0)?;
    file.sync()?;
    files.sync()?;
    Ok((file, header.salt))
}
