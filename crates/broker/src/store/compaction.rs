//! Keeping the log about as large as what it holds.
//!
//! The oldest file goes: what of it is still true is written anew at the end. Deletions are never written anew, since
//! what they delete stood before them and has gone already.

use std::io;

use super::index::Index;
use super::log::{self, Log};
use super::record::{Encoder, Record};
use super::scan::Scanned;
use super::writer::append;

/// What one step writes at most, more or less: confirms wait for no more than that.
const STEP_BYTES: usize = 1 << 20;
/// What the log may be larger than it must be, when there is time.
const IDLE_SLACK: u64 = 64 << 10;
#[derive(Debug)]
pub(super) struct Compaction {
    /// The file that is being written anew.
    current: Option<Scanned>,
    encoder: Encoder,
    /// What the log may be larger than it must be while there is work, in bytes.
    busy_slack: u64,
    /// Set when a file could not be read or written anew. All goes on, only the log stays as large as it is.
    gave_up: bool,
}

impl Compaction {
    pub(super) fn new(busy_slack: u64) -> Self {
        Self {
            current: None,
            encoder: Encoder::new(),
            busy_slack,
            gave_up: false,
        }
    }

    /// Does a little, if there is something to do; whether it did.
    pub(super) fn step(&mut self, log: &mut Log, index: &mut Index, idle: bool) -> bool {
        if self.gave_up {
            return false;
        }
        self.try_step(log, index, idle).unwrap_or_else(|error| {
            if is_full(&error) {
                // The next write says so.
                self.current = None;
            } else {
                tracing::error!(
                    "{} is not made smaller any more: {error}",
                    log.files().path("").display()
                );
                self.gave_up = true;
            }
            false
        })
    }

    fn try_step(&mut self, log: &mut Log, index: &mut Index, idle: bool) -> io::Result<bool> {
        while let Some(oldest) = log.oldest().filter(|oldest| index.bytes_in(*oldest) == 0) {
            self.current = None;
            log.remove(oldest)?;
        }
        if self.current.is_none() && !self.begin(log, index, idle)? {
            return Ok(false);
        }
        let Some(mut current) = self.current.take() else {
            return Ok(false);
        };
        self.encoder.clear();
        while !current.is_over() && self.encoder.len() < STEP_BYTES {
            self.copy_frame(&mut current, index)?;
        }
        if !self.encoder.is_empty() {
            append(log, index, &mut self.encoder)?;
        }
        if !current.is_over() {
            self.current = Some(current);
        } else if index.bytes_in(current.number()) == 0 {
            log.remove(current.number())?;
        } else {
            return Err(io::Error::other(
                "a file that was written anew is still in use",
            ));
        }
        Ok(true)
    }

    /// Takes up the oldest file, if the log is larger than it should be.
    fn begin(&mut self, log: &mut Log, index: &Index, idle: bool) -> io::Result<bool> {
        let slack = if idle { IDLE_SLACK } else { self.busy_slack };
        if log.bytes() <= index.bytes() * 2 + slack {
            return Ok(false);
        }
        if idle && log.oldest().is_none() {
            log.roll()?;
        }
        let Some(number) = log.oldest() else {
            return Ok(false);
        };
        self.current = Some(Scanned::new(number, log.read(number)?));
        Ok(true)
    }

    /// Takes what is live in the next frame.
    fn copy_frame(&mut self, current: &mut Scanned, index: &Index) -> io::Result<()> {
        let encoder = &mut self.encoder;
        let mut copied = Ok(());
        let read = current.frame(|record, at| {
            if let (Ok(()), Some(record)) = (&copied, index.live(record, at)) {
                copied = copy(encoder, index, &record);
            }
        });
        copied.map_err(io::Error::other)?;
        read.map_err(|(offset, what)| {
            let file = log::file_name(current.number());
            io::Error::other(format!("{file} is damaged at byte {offset}: {what}"))
        })
    }
}

fn copy(
    encoder: &mut Encoder,
    index: &Index,
    record: &Record<'_>,
) -> Result<(), bergen_amqp::codec::EncodeError> {
    encoder.push(record)?;
    let Record::Enqueued { targets, .. } = record else {
        return Ok(());
    };
    for target in targets {
        let delivery_count = index.returned(target);
        if delivery_count > 0 {
            encoder.push(&Record::Returned {
                host: target.host.clone(),
                queue: target.queue.clone(),
                position: target.position,
                delivery_count,
            })?;
        }
    }
    Ok(())
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}
