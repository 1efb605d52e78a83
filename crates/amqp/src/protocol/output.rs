//! The bytes on their way to the socket.

use std::{collections::VecDeque, fmt, io::IoSlice};

use bytes::{Buf, Bytes, BytesMut};

use super::FrameCounts;
use crate::codec::{
    BasicProperties, EncodeError, Method,
    frame::{self, FRAME_END, FRAME_MIN_SIZE, PROTOCOL_HEADER, body_frame_start, max_chunk},
};

/// Bodies up to this size are copied between the frames around them; longer ones are written from
/// where they are. Below it a copy is cheaper than a slice of its own.
pub(super) const COPY_LIMIT: usize = 4096;

/// While this much waits for the socket, no more of the parked bodies is brought forward, so that
/// whatever comes meanwhile waits behind this much and one frame, not behind a whole body.
const READY_LIMIT: usize = 64 * 1024;

/// Room that an empty buffer may keep. A burst beyond it is given back.
const KEEP_CAPACITY: usize = 256 * 1024;

/// The bytes on their way to the socket: a [`Buf`] of many slices, made for vectored writes.
///
/// [`remaining`](Buf::remaining) counts what is ready; bodies longer than a frame come forward with
/// the next [`Connection::output`](super::Connection::output).
pub struct Output {
    /// Ready slices, before what is in `tail`.
    ready: VecDeque<Bytes>,
    ready_len: usize,
    /// Ready small frames, flattened.
    tail: BytesMut,
    /// Channels with a body that is longer than a frame, and all that is queued behind it there.
    parked: VecDeque<Parked>,
    parked_len: usize,
    /// What leaves when nothing is parked any more: our `connection.close`.
    last: BytesMut,
    /// Bytes, at most, of what waits that only answers what the peer has sent.
    answers: usize,
    frame_max: usize,
    counts: FrameCounts,
}

struct Parked {
    channel: u16,
    items: VecDeque<Item>,
}

enum Item {
    /// Whole frames.
    Frames(BytesMut),
    /// What is left of a body.
    Body(Bytes),
}

impl Output {
    pub(super) fn new() -> Self {
        Self {
            ready: VecDeque::new(),
            ready_len: 0,
            tail: BytesMut::new(),
            parked: VecDeque::new(),
            parked_len: 0,
            last: BytesMut::new(),
            answers: 0,
            frame_max: FRAME_MIN_SIZE,
            counts: FrameCounts::default(),
        }
    }

    pub(super) fn set_frame_max(&mut self, frame_max: usize) {
        self.frame_max = frame_max;
    }

    pub(super) fn counts(&self) -> FrameCounts {
        self.counts
    }

    /// Bytes that wait, parked ones included.
    pub(super) fn len(&self) -> usize {
        self.remaining() + self.parked_len + self.last.len()
    }

    /// Whether so much is ready that the socket seems to take nothing.
    pub(super) fn is_stuck(&self) -> bool {
        self.remaining() >= READY_LIMIT
    }

    /// Bytes, at most, of what waits that was queued by [`answer`](Self::answer) and
    /// [`ack`](Self::ack).
    pub(super) fn answers(&self) -> usize {
        self.answers
    }

    /// Room in bytes of the buffer for small frames.
    pub(super) fn capacity(&self) -> usize {
        self.tail.capacity()
    }

    pub(super) fn protocol_header(&mut self) {
        self.tail.extend_from_slice(&PROTOCOL_HEADER);
    }

    pub(super) fn heartbeat(&mut self) {
        frame::encode_heartbeat(&mut self.tail);
        self.counts.heartbeats += 1;
    }

    pub(super) fn method(&mut self, channel: u16, method: &Method<'_>) -> Result<(), EncodeError> {
        let frame_max = self.frame_max;
        self.frames(channel, |buffer| {
            frame::encode_method(channel, method, frame_max, buffer)
        })?;
        self.counts.methods += 1;
        Ok(())
    }

    /// A method that is sent because of what the peer sent, not because our owner wanted it.
    pub(super) fn answer(&mut self, channel: u16, method: &Method<'_>) -> Result<(), EncodeError> {
        let before = self.len();
        self.method(channel, method)?;
        self.answers += self.len() - before;
        Ok(())
    }

    /// Counts bytes that were queued by other means and only answer what the peer has sent.
    pub(super) fn count_answer(&mut self, bytes: usize) {
        self.answers += bytes;
    }

    pub(super) fn ack(&mut self, channel: u16, delivery_tag: u64, multiple: bool) {
        let before = self.len();
        let written = self.frames(channel, |buffer| {
            frame::encode_ack(channel, delivery_tag, multiple, buffer);
            Ok(())
        });
        debug_assert!(written.is_ok(), "an ack always fits");
        self.answers += self.len() - before;
        self.counts.methods += 1;
    }

    /// Queues a method and its content, or nothing if the method or the properties do not fit.
    pub(super) fn content(
        &mut self,
        channel: u16,
        method: &Method<'_>,
        properties: &BasicProperties<'_>,
        body: Bytes,
    ) -> Result<(), EncodeError> {
        let frame_max = self.frame_max;
        let body_len = body.len();
        let one_frame = body_len <= max_chunk(frame_max);
        let flat = one_frame && body_len <= COPY_LIMIT;
        let frames = self.frames(channel, |buffer| {
            let start = buffer.len();
            buffer.reserve(if flat { body_len + 256 } else { 256 });
            let size = u64::try_from(body_len).unwrap_or(u64::MAX);
            frame::encode_method(channel, method, frame_max, buffer)
                .and_then(|()| frame::encode_header(channel, size, properties, frame_max, buffer))
                .and_then(|()| {
                    if flat {
                        frame::encode_body(channel, &body, frame_max, buffer)
                    } else {
                        Ok(())
                    }
                })
                .inspect_err(|_| buffer.truncate(start))
        });
        frames?;
        self.counts.methods += 1;
        self.counts.headers += 1;
        if flat {
            self.counts.bodies += u64::from(body_len > 0);
        } else if one_frame && !self.is_parked(channel) {
            self.body_frame(channel, body);
        } else {
            self.park(channel, body);
        }
        Ok(())
    }

    /// Queues a frame on channel 0 behind everything, parked bodies included.
    pub(super) fn method_last(&mut self, method: &Method<'_>) -> Result<(), EncodeError> {
        frame::encode_method(0, method, self.frame_max, &mut self.last)?;
        self.counts.methods += 1;
        Ok(())
    }

    /// Forgets what a channel has not begun to send. A message of which a part has left is sent to
    /// its end: RabbitMQ takes nothing else for it, on a closed channel too.
    pub(super) fn drop_channel(&mut self, channel: u16) {
        let Some(at) = self
            .parked
            .iter()
            .position(|parked| parked.channel == channel)
        else {
            return;
        };
        let Some(mut parked) = self.parked.remove(at) else {
            return;
        };
        let before = parked.len();
        parked.items.truncate(usize::from(matches!(
            parked.items.front(),
            Some(Item::Body(_))
        )));
        self.parked_len -= before - parked.len();
        if !parked.items.is_empty() {
            self.parked.push_front(parked);
        }
    }

    /// Forgets all that has not come forward.
    pub(super) fn drop_parked(&mut self) {
        self.parked.clear();
        self.parked_len = 0;
        self.last.clear();
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.drop_parked();
        self.ready.clear();
        self.ready_len = 0;
        self.tail = BytesMut::new();
        self.answers = 0;
    }

    /// Brings parked frames forward, one per channel and round, up to the limit.
    pub(super) fn fill(&mut self) {
        while !self.is_stuck() {
            let Some(mut parked) = self.parked.pop_front() else {
                if !self.last.is_empty() {
                    let last = self.last.split();
                    self.tail.extend_from_slice(&last);
                }
                return;
            };
            let before = parked.len();
            match parked.items.pop_front() {
                Some(Item::Frames(frames)) => self.tail.extend_from_slice(&frames),
                Some(Item::Body(mut rest)) => {
                    let piece = rest.split_to(max_chunk(self.frame_max).min(rest.len()));
                    self.body_frame(parked.channel, piece);
                    if !rest.is_empty() {
                        parked.items.push_front(Item::Body(rest));
                    }
                }
                None => {}
            }
            self.parked_len -= before - parked.len();
            if !parked.items.is_empty() {
                self.parked.push_back(parked);
            }
        }
    }

    /// Writes whole frames of a channel: at once, or behind what is parked there.
    fn frames(
        &mut self,
        channel: u16,
        write: impl FnOnce(&mut BytesMut) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let Some(parked) = self
            .parked
            .iter_mut()
            .find(|parked| parked.channel == channel)
        else {
            return write(&mut self.tail);
        };
        if let Some(Item::Frames(frames)) = parked.items.back_mut() {
            let before = frames.len();
            write(frames)?;
            self.parked_len += frames.len() - before;
        } else {
            let mut frames = BytesMut::new();
            write(&mut frames)?;
            self.parked_len += frames.len();
            parked.items.push_back(Item::Frames(frames));
        }
        Ok(())
    }

    fn is_parked(&self, channel: u16) -> bool {
        self.parked.iter().any(|parked| parked.channel == channel)
    }

    fn park(&mut self, channel: u16, body: Bytes) {
        self.parked_len += body.len();
        if let Some(parked) = self
            .parked
            .iter_mut()
            .find(|parked| parked.channel == channel)
        {
            parked.items.push_back(Item::Body(body));
        } else {
            let items = VecDeque::from([Item::Body(body)]);
            self.parked.push_back(Parked { channel, items });
        }
    }

    fn body_frame(&mut self, channel: u16, piece: Bytes) {
        // A piece is never longer than a frame, which has 32 bits for its length.
        let length = u32::try_from(piece.len()).unwrap_or(u32::MAX);
        self.tail
            .extend_from_slice(&body_frame_start(channel, length));
        if piece.len() > COPY_LIMIT {
            self.push_slice(piece);
        } else {
            self.tail.extend_from_slice(&piece);
        }
        self.tail.extend_from_slice(&[FRAME_END]);
        self.counts.bodies += 1;
    }

    fn push_slice(&mut self, slice: Bytes) {
        let flat = self.tail.split().freeze();
        self.ready_len += flat.len() + slice.len();
        self.ready.push_back(flat);
        self.ready.push_back(slice);
    }
}

impl Buf for Output {
    fn remaining(&self) -> usize {
        self.ready_len + self.tail.len()
    }

    fn chunk(&self) -> &[u8] {
        self.ready
            .front()
            .map_or(&self.tail[..], |slice| &slice[..])
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let sources = self
            .ready
            .iter()
            .map(|slice| &slice[..])
            .chain([&self.tail[..]]);
        let sources = sources.filter(|source| !source.is_empty());
        slices
            .iter_mut()
            .zip(sources)
            .map(|(slot, source)| *slot = IoSlice::new(source))
            .count()
    }

    /// # Panics
    ///
    /// As [`Buf`] demands, when `count` exceeds [`remaining`](Buf::remaining).
    fn advance(&mut self, mut count: usize) {
        self.counts.bytes += u64::try_from(count).unwrap_or(u64::MAX);
        self.answers = self.answers.min(self.len().saturating_sub(count));
        while let Some(slice) = self.ready.front_mut() {
            if count < slice.len() {
                slice.advance(count);
                self.ready_len -= count;
                return;
            }
            count -= slice.len();
            self.ready_len -= slice.len();
            self.ready.pop_front();
        }
        self.tail.advance(count);
        if self.tail.is_empty() && self.tail.capacity() > KEEP_CAPACITY {
            self.tail = BytesMut::new();
        }
        if self.ready.is_empty() && self.ready.capacity() > 1024 {
            self.ready = VecDeque::new();
        }
    }
}

/// Sizes in bytes; what is on its way may hold a password.
impl fmt::Debug for Output {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Output")
            .field("ready", &self.remaining())
            .field("parked", &self.parked_len)
            .field("capacity", &self.capacity())
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

impl Parked {
    fn len(&self) -> usize {
        self.items.iter().map(Item::len).sum()
    }
}

impl Item {
    fn len(&self) -> usize {
        match self {
            Self::Frames(frames) => frames.len(),
            Self::Body(rest) => rest.len(),
        }
    }
}
