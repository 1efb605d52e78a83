//! A door for the fuzzer.

use super::record::{Decoder, Encoder};

/// What the payload of a frame says, written again; `None` if it is none. Any bytes may be given.
///
/// For fuzzing: what was read must be written to what reads the same.
#[doc(hidden)]
pub fn recode(payload: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = Encoder::new();
    let mut decoder = Decoder::new(payload).ok()?;
    while let Some(record) = decoder.next() {
        let (record, _) = record.ok()?;
        encoder.push(&record).ok()?;
    }
    Some(encoder.payload().to_vec())
}
