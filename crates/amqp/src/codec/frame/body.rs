//! Content bodies: split into frames that both peers can take.

use bytes::{BufMut, Bytes, BytesMut};

use super::{FRAME_END, FRAME_MIN_SIZE, FRAME_OVERHEAD, FrameKind, FrameStart};
use crate::codec::error::EncodeError;

/// The largest piece of a body, in bytes, for whole frames of at most `frame_max` bytes.
///
/// A `frame_max` below [`FRAME_MIN_SIZE`], which no peer may ask for, counts as that, so a piece is
/// never empty and splitting always ends.
pub fn max_chunk(frame_max: usize) -> usize {
    frame_max.max(FRAME_MIN_SIZE) - FRAME_OVERHEAD
}

/// Splits `body` into the payloads of its body frames. The pieces share memory with it; an empty
/// body has no piece.
pub fn body_chunks(body: Bytes, frame_max: usize) -> BodyChunks {
    BodyChunks {
        rest: body,
        chunk: max_chunk(frame_max),
    }
}

/// The pieces of a body, see [`body_chunks`].
#[derive(Debug, Clone)]
pub struct BodyChunks {
    rest: Bytes,
    chunk: usize,
}

impl Iterator for BodyChunks {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.rest.is_empty() {
            return None;
        }
        Some(self.rest.split_to(self.chunk.min(self.rest.len())))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let count = self.rest.len().div_ceil(self.chunk);
        (count, Some(count))
    }
}

impl ExactSizeIterator for BodyChunks {}

/// The seven bytes before a piece of `length` bytes, for pieces that are written without a copy.
/// [`FRAME_END`] has to follow the piece.
pub fn body_frame_start(channel: u16, length: u32) -> [u8; FrameStart::SIZE] {
    let [c0, c1] = channel.to_be_bytes();
    let [l0, l1, l2, l3] = length.to_be_bytes();
    [FrameKind::Body as u8, c0, c1, l0, l1, l2, l3]
}

/// Appends all body frames of `body`, copying it. An empty body has no frame.
pub fn encode_body(
    channel: u16,
    body: &[u8],
    frame_max: usize,
    buffer: &mut BytesMut,
) -> Result<(), EncodeError> {
    for chunk in body.chunks(max_chunk(frame_max)) {
        let length = u32::try_from(chunk.len()).map_err(|_| EncodeError::TooLong {
            length: chunk.len(),
        })?;
        buffer.put_slice(&body_frame_start(channel, length));
        buffer.put_slice(chunk);
        buffer.put_u8(FRAME_END);
    }
    Ok(())
}
