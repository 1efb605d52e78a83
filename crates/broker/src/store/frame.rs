//! How a log file is built: a header, then frames, each written and made safe before the next one begins.
//!
//! That order is what tells a crash from damage. Nothing behind an unfinished write can be whole, so a broken frame
//! with no whole one behind it is what a crash left, and was never confirmed. A broken frame with a whole one behind
//! it was safe once.
//!
//! ```text
//! file    "bergenlg"  salt u64  first sequence u64  checksum u32
//! frame   magic u32   length u32   sequence u64   checksum u32   payload
//! ```
//!
//! Numbers are big endian. Checksums are CRC-32 over the salt, which no publisher knows, and all else: a body that
//! looks like a frame is none.

use bergen_amqp::codec::primitives::Reader;

pub(super) const FILE_HEADER: usize = 28;
pub(super) const FRAME_HEADER: usize = 20;
const FILE_MAGIC: [u8; 8] = *b"bergenlg";
const FRAME_MAGIC: [u8; 4] = [0xB2, 0x6E, 0xF7, 0x1D];

/// What stands at the beginning of a log file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileHeader {
    /// Goes into all checksums of the file.
    pub(super) salt: u64,
    /// The number of the first frame.
    pub(super) first: u64,
}

impl FileHeader {
    pub(super) fn encode(self) -> Vec<u8> {
        let mut data = FILE_MAGIC.to_vec();
        data.extend_from_slice(&self.salt.to_be_bytes());
        data.extend_from_slice(&self.first.to_be_bytes());
        let checksum = crc32fast::hash(&data);
        data.extend_from_slice(&checksum.to_be_bytes());
        data
    }

    pub(super) fn decode(data: &[u8]) -> Option<Self> {
        let (checked, _) = data.split_at_checked(FILE_HEADER - 4)?;
        let mut reader = Reader::new(data.strip_prefix(&FILE_MAGIC)?);
        let header = Self {
            salt: reader.u64().ok()?,
            first: reader.u64().ok()?,
        };
        (reader.u32().ok()? == crc32fast::hash(checked)).then_some(header)
    }
}

/// Sets the header of a frame before its payload; `frame` has [`FRAME_HEADER`] bytes of room in front.
pub(super) fn seal(frame: &mut [u8], salt: u64, sequence: u64) {
    let Some((header, payload)) = frame.split_first_chunk_mut::<FRAME_HEADER>() else {
        return;
    };
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let checksum = checksum(salt, sequence, length, payload);
    let fields = FRAME_MAGIC
        .into_iter()
        .chain(length.to_be_bytes())
        .chain(sequence.to_be_bytes())
        .chain(checksum.to_be_bytes());
    for (place, byte) in header.iter_mut().zip(fields) {
        *place = byte;
    }
}

/// What stands at a place in a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// A whole frame.
    Frame { sequence: u64, payload: &'a [u8] },
    /// The file ends.
    End,
    /// Something that is no whole frame.
    Broken(&'static str),
}

/// The frame at `offset`.
pub(super) fn at(data: &[u8], offset: usize, salt: u64) -> Found<'_> {
    let rest = data.get(offset..).unwrap_or_default();
    if rest.is_empty() {
        return Found::End;
    }
    let Some((header, rest)) = rest.split_first_chunk::<FRAME_HEADER>() else {
        return Found::Broken("the file ends inside the header of a frame");
    };
    let mut reader = Reader::new(header);
    let (Ok(magic), Ok(length), Ok(sequence), Ok(expected)) =
        (reader.u32(), reader.u32(), reader.u64(), reader.u32())
    else {
        return Found::Broken("the file ends inside the header of a frame");
    };
    if magic.to_be_bytes() != FRAME_MAGIC {
        return Found::Broken("no frame begins there");
    }
    let Some(payload) = usize::try_from(length)
        .ok()
        .and_then(|length| rest.get(..length))
    else {
        return Found::Broken("the file ends inside a frame");
    };
    if checksum(salt, sequence, length, payload) != expected {
        return Found::Broken("the checksum of a frame differs");
    }
    Found::Frame { sequence, payload }
}

/// Whether a whole frame later than `sequence` begins anywhere behind `offset`.
pub(super) fn whole_frame_behind(data: &[u8], offset: usize, salt: u64, expected: u64) -> bool {
    let rest = data.get(offset..).unwrap_or_default();
    memchr::memmem::find_iter(rest, &FRAME_MAGIC).any(|place| {
        matches!(at(rest, place, salt), Found::Frame { sequence, .. } if sequence > expected)
    })
}

fn checksum(salt: u64, sequence: u64, length: u32, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&salt.to_be_bytes());
    hasher.update(&sequence.to_be_bytes());
    hasher.update(&length.to_be_bytes());
    hasher.update(payload);
    hasher.finalize()
}
