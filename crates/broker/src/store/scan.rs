//! Reading the whole log: what is whole, where a crash cut it, and whether it was damaged.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::StoreError;
use super::files::{Files, io_error};
use super::frame::{self, FILE_HEADER, FRAME_HEADER, FileHeader, Found};
use super::index::At;
use super::log::{End, file_name, file_number};
use super::record::{Decoder, Record, RecordError};

/// An unfinished write that was cut off the end of the log. It was never confirmed to anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Torn {
    /// The file.
    pub file: PathBuf,
    /// Where it ends now, in bytes.
    pub offset: u64,
    /// How many bytes were cut off.
    pub bytes: u64,
}

/// Shows all records to `visit`, with their sizes, oldest first; then cuts off what a crash left unfinished.
pub(super) fn scan(
    files: &dyn Files,
    visit: &mut dyn FnMut(&Record<'_>, At, usize),
) -> Result<(End, Option<Torn>), StoreError> {
    let numbers = numbers(files)?;
    let mut end = End {
        sizes: BTreeMap::new(),
        last: None,
        sequence: 1,
    };
    let mut torn = None;
    for (index, number) in numbers.iter().copied().enumerate() {
        let is_last = index + 1 == numbers.len();
        let name = file_name(number);
        let path = files.path(&name);
        let follows = end.last.is_none_or(|(before, _)| before + 1 == number);
        if !follows {
            let missing = end.last.map_or(number, |(before, _)| before + 1);
            return Err(StoreError::Missing {
                file: files.path(&file_name(missing)),
            });
        }
        let data = files
            .read(&name)
            .map_err(|source| io_error("read", &path, source))?;
        let Some(header) = FileHeader::decode(&data) else {
            if !is_last || data.len() > FILE_HEADER {
                let what = "it does not begin as a log file".to_owned();
                return Err(StoreError::Damaged {
                    file: path,
                    offset: 0,
                    what,
                });
            }
            // The crash came while it was begun.
            files
                .remove(&name)
                .map_err(|source| io_error("remove", &path, source))?;
            torn = Some(Torn {
                file: path,
                offset: 0,
                bytes: data.len() as u64,
            });
            break;
        };
        if end.last.is_some() && header.first != end.sequence {
            return Err(StoreError::Missing { file: path });
        }
        end.sequence = header.first;
        let scanned = File {
            data: &data,
            number,
            path: &path,
            salt: header.salt,
        };
        let good = scanned.scan(is_last, &mut end.sequence, visit)?;
        if good < data.len() {
            torn = Some(cut(files, &name, good, data.len())?);
        }
        end.sizes.insert(number, good as u64);
        end.last = Some((number, header.salt));
    }
    Ok((end, torn))
}

/// A file that was scanned before, frame by frame.
#[derive(Debug)]
pub(super) struct Scanned {
    number: u32,
    data: Vec<u8>,
    salt: u64,
    offset: usize,
}

impl Scanned {
    pub(super) fn new(number: u32, data: Vec<u8>) -> Self {
        let salt = FileHeader::decode(&data)
            .map(|header| header.salt)
            .unwrap_or_default();
        Self {
            number,
            data,
            salt,
            offset: FILE_HEADER,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.offset >= self.data.len()
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// The records of the next frame, to `visit`. The error says where and what is wrong.
    pub(super) fn frame(
        &mut self,
        mut visit: impl FnMut(Record<'_>, At),
    ) -> Result<(), (usize, String)> {
        let offset = self.offset;
        self.offset = match frame::at(&self.data, offset, self.salt) {
            Found::Frame { sequence, payload } => {
                let at = At::new(self.number, sequence);
                records(payload, |record, _| visit(record, at))
                    .map_err(|error| (offset, error.to_string()))?;
                offset + FRAME_HEADER + payload.len()
            }
            Found::End => self.data.len(),
            Found::Broken(what) => return Err((offset, what.to_owned())),
        };
        Ok(())
    }
}

/// The records of a payload and their sizes.
fn records<'a>(
    payload: &'a [u8],
    mut visit: impl FnMut(Record<'a>, usize),
) -> Result<(), RecordError> {
    let mut decoder = Decoder::new(payload)?;
    while let Some(record) = decoder.next() {
        let (record, size) = record?;
        visit(record, size);
    }
    Ok(())
}

struct File<'a> {
    data: &'a [u8],
    number: u32,
    path: &'a Path,
    salt: u64,
}

impl File<'_> {
    /// Where the whole frames end.
    fn scan(
        &self,
        may_be_torn: bool,
        sequence: &mut u64,
        visit: &mut dyn FnMut(&Record<'_>, At, usize),
    ) -> Result<usize, StoreError> {
        let mut offset = FILE_HEADER;
        loop {
            match frame::at(self.data, offset, self.salt) {
                Found::End => return Ok(offset),
                Found::Frame {
                    sequence: found,
                    payload,
                } if found == *sequence => {
                    let at = At::new(self.number, found);
                    records(payload, |record, size| visit(&record, at, size))
                        .map_err(|error| self.damaged(offset, &error.to_string()))?;
                    offset += FRAME_HEADER + payload.len();
                    *sequence += 1;
                }
                Found::Frame {
                    sequence: found, ..
                } if found > *sequence => {
                    let what = format!("frame {found} stands where frame {sequence} belongs");
                    return Err(self.damaged(offset, &what));
                }
                // An older frame is what was left of a write that failed.
                Found::Frame { .. } if may_be_torn => return Ok(offset),
                Found::Frame { .. } => {
                    return Err(self.damaged(offset, "a frame stands there twice"));
                }
                Found::Broken(what) => {
                    let was_safe = !may_be_torn
                        || frame::whole_frame_behind(self.data, offset, self.salt, *sequence);
                    return if was_safe {
                        Err(self.damaged(offset, what))
                    } else {
                        Ok(offset)
                    };
                }
            }
        }
    }

    fn damaged(&self, offset: usize, what: &str) -> StoreError {
        let (file, what) = (self.path.to_owned(), what.to_owned());
        StoreError::Damaged {
            file,
            offset: offset as u64,
            what,
        }
    }
}

fn numbers(files: &dyn Files) -> Result<Vec<u32>, StoreError> {
    let names = files
        .names()
        .map_err(|source| io_error("list", &files.path(""), source))?;
    let mut numbers: Vec<_> = names.iter().filter_map(|name| file_number(name)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

fn cut(files: &dyn Files, name: &str, good: usize, length: usize) -> Result<Torn, StoreError> {
    let path = files.path(name);
    let (offset, bytes) = (good as u64, (length - good) as u64);
    files
        .open(name)
        .and_then(|file| {
            file.set_len(offset)?;
            file.sync()
        })
        .map_err(|source| io_error("shorten", &path, source))?;
    Ok(Torn {
        file: path,
        offset,
        bytes,
    })
}
