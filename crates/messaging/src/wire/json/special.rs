//! Finding what needs attention in text, many bytes at a time.
//!
//! Strings are most of a message, and most of a string is plain; this is the inner loop of both
//! the scanner and the writer. Names end within the first words; in longer text, `memchr` looks
//! for the ends of strings and for escapes, and what lies between is checked at once.

/// The index of the first quote, backslash or control character; the length if there is none.
#[inline]
pub(crate) fn next_special(bytes: &[u8]) -> usize {
    find(bytes, control)
}

/// As [`next_special`], and what is not printable ASCII is special too.
#[inline]
fn next_special_or_non_ascii(bytes: &[u8]) -> usize {
    find(bytes, not_printable_ascii)
}

/// The index of the first byte that is above printable ASCII; the length if there is none.
#[inline]
pub(crate) fn next_non_ascii(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .position(|byte| *byte >= 0x7f)
        .unwrap_or(bytes.len())
}

/// Appends the bytes before the first quote, backslash or control character, and tells how many
/// they are.
#[inline]
pub(crate) fn copy_plain(bytes: &[u8], out: &mut Vec<u8>) -> usize {
    copy(bytes, out, control, next_special)
}

/// As [`copy_plain`], and only printable ASCII is plain, as for Python.
#[inline]
pub(crate) fn copy_plain_ascii(bytes: &[u8], out: &mut Vec<u8>) -> usize {
    copy(bytes, out, not_printable_ascii, next_special_or_non_ascii)
}

#[inline]
fn copy(
    bytes: &[u8],
    out: &mut Vec<u8>,
    odd: impl Fn(u64) -> u64,
    next: impl Fn(&[u8]) -> usize,
) -> usize {
    if let Some(word) = bytes.first_chunk::<8>()
        && let Some(plain) = first_special(u64::from_le_bytes(*word), odd)
    {
        // A whole word copies in one instruction, so what is too much is cut off afterwards.
        out.extend_from_slice(word);
        out.truncate(out.len() + plain - word.len());
        return plain;
    }
    let plain = next(bytes);
    out.extend_from_slice(bytes.get(..plain).unwrap_or(bytes));
    plain
}

/// Finds quotes, backslashes, and what is `odd`: that sets the high bit of at least the first odd
/// byte of a word, and only of that and of bytes behind it.
#[inline]
fn find(bytes: &[u8], odd: impl Fn(u64) -> u64) -> usize {
    let mut at = 0;
    let (words, _) = bytes.as_chunks::<8>();
    for word in words.iter().take(WORDS) {
        if let Some(index) = first_special(u64::from_le_bytes(*word), &odd) {
            return at + index;
        }
        at += word.len();
    }
    let rest = bytes.get(at..).unwrap_or_default();
    if rest.len() < 8 {
        return at + first_special(padded(rest), odd).unwrap_or(rest.len());
    }
    at + find_far(rest, odd)
}

/// The same for what does not begin with the byte that is sought.
#[inline(never)]
fn find_far(bytes: &[u8], odd: impl Fn(u64) -> u64) -> usize {
    let mut at = 0;
    // By windows: else each of many line ends would cost a search for a far quote.
    for window in bytes.chunks(WINDOW) {
        let end = memchr::memchr2(b'"', b'\\', window).unwrap_or(window.len());
        let plain = window.get(..end).unwrap_or_default();
        if any(plain, &odd) {
            return at + first_odd(plain, &odd);
        }
        at += end;
        if end < window.len() {
            break;
        }
    }
    at
}

/// Words that are looked at before the search for something far away begins: an id with its quote.
const WORDS: usize = 5;

/// Bytes of one search.
const WINDOW: usize = 512;

/// Whether a byte is odd. Looks at all of them, which the compiler does with vectors.
#[inline]
fn any(bytes: &[u8], odd: impl Fn(u64) -> u64) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    let found = words
        .iter()
        .fold(0, |found, word| found | odd(u64::from_le_bytes(*word)));
    (found | odd(padded(rest))) & HIGH_BITS != 0
}

/// The index of the first odd byte; the length if there is none.
fn first_odd(bytes: &[u8], odd: impl Fn(u64) -> u64) -> usize {
    let mut at = 0;
    for word in bytes.chunks(8) {
        let marks = odd(padded(word)) & HIGH_BITS;
        if marks != 0 {
            return at + marks.trailing_zeros() as usize / 8;
        }
        at += word.len();
    }
    at
}

/// Up to eight bytes as a word, the rest of it spaces.
#[inline]
fn padded(bytes: &[u8]) -> u64 {
    let mut word = [b' '; 8];
    for (to, from) in word.iter_mut().zip(bytes) {
        *to = *from;
    }
    u64::from_le_bytes(word)
}

/// The index of the first byte in a word that is a quote, a backslash, or odd.
#[inline]
fn first_special(word: u64, odd: impl Fn(u64) -> u64) -> Option<usize> {
    let escaped = zero_bytes(word ^ (ONES * 0x22)) | zero_bytes(word ^ (ONES * 0x5c));
    let marks = (odd(word) | escaped) & HIGH_BITS;
    (marks != 0).then_some(marks.trailing_zeros() as usize / 8)
}

/// Sets the high bit of every control character. A borrow may also set that of bytes behind the
/// first one, which nobody looks at.
#[inline]
fn control(word: u64) -> u64 {
    word.wrapping_sub(ONES * 0x20) & !word
}

/// Sets the high bit of what is a control character, DEL, or beyond ASCII.
#[inline]
fn not_printable_ascii(word: u64) -> u64 {
    control(word) | zero_bytes(word ^ (ONES * 0x7f)) | word
}

#[inline]
fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = ONES << 7;
