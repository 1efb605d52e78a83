//! Lines from a peer that is not trusted with memory.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

/// Reads lines of at most so many bytes.
#[derive(Debug)]
pub(crate) struct BoundedLines<R> {
    reader: BufReader<R>,
    limit: usize,
}

impl<R: AsyncRead + Unpin> BoundedLines<R> {
    pub(crate) fn new(reader: R, limit: usize) -> Self {
        Self {
            reader: BufReader::new(reader),
            limit,
        }
    }

    /// The next line without its end, whatever is not UTF-8 replaced; `None` at the end. A longer line is an error, after
    /// which there is no next.
    pub(crate) async fn next(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        let bound = u64::try_from(self.limit).unwrap_or(u64::MAX);
        let mut bounded = (&mut self.reader).take(bound.saturating_add(1));
        bounded.read_until(b'\n', &mut line).await?;
        let ended = line.pop_if(|last| *last == b'\n').is_some();
        if !ended && line.len() > self.limit {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("a line is longer than {} bytes", self.limit),
            ));
        }
        if !ended && line.is_empty() {
            return Ok(None);
        }
        line.pop_if(|last| *last == b'\r');
        Ok(Some(String::from_utf8_lossy(&line).into_owned()))
    }
}
