//! Message ids.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::Text;

/// A 128-bit id: a `_msg_id`, a `_unique_id`, the random part of a queue name. Written as 32
/// lower-case hex digits.
///
/// Peers may use any text as an id; see [`Id::of`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(u128);

impl Id {
    /// A random id, with the version and variant bits of a version 4 UUID. Unique, not secret:
    /// the generator is a fast one.
    // There is no default id: each is another one.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        let random = fastrand::u128(..);
        Self((random & !VERSION_AND_VARIANT) | UUID4)
    }

    /// The id written as exactly 32 lower-case hex digits; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: &[u8; LENGTH] = text.as_bytes().try_into().ok()?;
        let (words, _) = digits.as_chunks::<8>();
        let number = words.iter().fold(0, |number, digits| {
            number << 32 | u128::from(number_of(u64::from_be_bytes(*digits)))
        });
        // What is no digit became one, and is written otherwise.
        let id = Self(number);
        (id.digits() == *digits).then_some(id)
    }

    /// A key for an id that came from a peer: the id itself if it has our form, else a hash of
    /// the text. For tables of seen ids, where a fixed size matters and one in 2^64 collisions
    /// does not.
    pub fn of(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| {
            let half = |seed: u8| {
                let mut hasher = DefaultHasher::new();
                (seed, text).hash(&mut hasher);
                u128::from(hasher.finish())
            };
            Self((half(0) << 64) | half(1))
        })
    }

    /// The number.
    pub const fn as_u128(self) -> u128 {
        self.0
    }

    /// The 32 hex digits, as ASCII bytes without an allocation.
    pub(crate) fn digits(self) -> [u8; LENGTH] {
        let mut digits = [0; LENGTH];
        let bytes = self.0.to_be_bytes();
        let (numbers, _) = bytes.as_chunks::<4>();
        let (words, _) = digits.as_chunks_mut::<8>();
        for (word, number) in words.iter_mut().zip(numbers) {
            *word = digits_of(u32::from_be_bytes(*number)).to_be_bytes();
        }
        digits
    }
}

impl From<u128> for Id {
    fn from(number: u128) -> Self {
        Self(number)
    }
}

impl From<Id> for Text {
    fn from(id: Id) -> Self {
        let digits = id.digits();
        Self::copy(str::from_utf8(&digits).unwrap_or_default())
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({self})")
    }
}

/// The eight hex digits of a number, as the bytes of a word: all at once, as ids are written and
/// read with each message.
fn digits_of(number: u32) -> u64 {
    let mut nibbles = u64::from(number);
    nibbles = (nibbles | nibbles << 16) & 0x0000_ffff_0000_ffff;
    nibbles = (nibbles | nibbles << 8) & 0x00ff_00ff_00ff_00ff;
    nibbles = (nibbles | nibbles << 4) & (0xf * ONES);
    let letters = (nibbles + 6 * ONES) >> 4 & ONES;
    nibbles + u64::from(b'0') * ONES + letters * u64::from(b'a' - b'0' - 10)
}

/// The number that eight hex digits stand for; any number for what is none.
fn number_of(digits: u64) -> u64 {
    let letters = digits >> 6 & ONES;
    let mut nibbles = (digits & (0xf * ONES)) + 9 * letters;
    nibbles &= 0xf * ONES;
    nibbles = (nibbles | nibbles >> 4) & 0x00ff_00ff_00ff_00ff;
    nibbles = (nibbles | nibbles >> 8) & 0x0000_ffff_0000_ffff;
    (nibbles | nibbles >> 16) & 0xffff_ffff
}

const ONES: u64 = 0x0101_0101_0101_0101;

/// Digits in a written id.
const LENGTH: usize = 32;
const VERSION_AND_VARIANT: u128 = 0xf000_c000_0000_0000_0000;
const UUID4: u128 = 0x4000_8000_0000_0000_0000;
