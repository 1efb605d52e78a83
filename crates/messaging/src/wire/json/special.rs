//! Finding what needs attention in text, eight bytes at a time.
//!
//! Strings are most of a message, and most of a string is plain; this is the inner loop of both
//! the scanner and the writer.

/// The index of the first quote, backslash or control character; the length if there is none.
#[inline]
pub(crate) fn next_special(bytes: &[u8]) -> usize {
    find(bytes, |word| special(word) & HIGH_BITS, is_special)
}

/// As [`next_special`], and bytes beyond ASCII are special too.
#[inline]
pub(crate) fn next_special_or_non_ascii(bytes: &[u8]) -> usize {
    find(
        bytes,
        |word| (special(word) | word) & HIGH_BITS,
        |byte| is_special(byte) || byte >= 0x80,
    )
}

/// The index of the first byte beyond ASCII; the length if there is none.
#[inline]
pub(crate) fn next_non_ascii(bytes: &[u8]) -> usize {
    find(bytes, |word| word & HIGH_BITS, |byte| byte >= 0x80)
}

/// Appends the bytes before the first quote, backslash or control character, and tells how many
/// they are.
#[inline]
pub(crate) fn copy_plain(bytes: &[u8], out: &mut Vec<u8>) -> usize {
    let mut at = 0;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        // Whole words copy in one instruction, so what is too much is cut off afterwards.
        out.extend_from_slice(word);
        let marks = special(u64::from_le_bytes(*word)) & HIGH_BITS;
        if marks != 0 {
            let plain = marks.trailing_zeros() as usize / 8;
            out.truncate(out.len() + plain - word.len());
            return at + plain;
        }
        at += word.len();
    }
    let plain = rest.iter().take_while(|byte| !is_special(**byte));
    let before = out.len();
    out.extend(plain);
    at + out.len() - before
}

/// Finds by words as long as there are whole ones, then by bytes. `mark` sets the high bit of at
/// least the first byte that is meant.
#[inline]
fn find(bytes: &[u8], mark: impl Fn(u64) -> u64, is_meant: impl Fn(u8) -> bool) -> usize {
    let mut at = 0;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let marks = mark(u64::from_le_bytes(*word));
        if marks != 0 {
            return at + marks.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + rest
        .iter()
        .position(|byte| is_meant(*byte))
        .unwrap_or(rest.len())
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..=0x1f)
}

/// Sets the high bit of every special byte. A borrow may also set that of bytes behind the first
/// special one, which nobody looks at.
#[inline]
fn special(word: u64) -> u64 {
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    control | zero_bytes(word ^ (ONES * 0x22)) | zero_bytes(word ^ (ONES * 0x5c))
}

#[inline]
fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = ONES << 7;
