//! Message ids.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

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
        let lower_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != LENGTH || !text.bytes().all(lower_hex) {
            return None;
        }
        u128::from_str_radix(text, 16).ok().map(Self)
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
        let mut digits = [b'0'; LENGTH];
        let mut rest = self.0;
        for digit in digits.iter_mut().rev() {
            let nibble = (rest & 0xf) as u8;
            *digit = if nibble < 10 {
                b'0' + nibble
            } else {
                b'a' + nibble - 10
            };
            rest >>= 4;
        }
        digits
    }
}

impl From<u128> for Id {
    fn from(number: u128) -> Self {
        Self(number)
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

/// Digits in a written id.
const LENGTH: usize = 32;
const VERSION_AND_VARIANT: u128 = 0xf000_c000_0000_0000_0000;
const UUID4: u128 = 0x4000_8000_0000_0000_0000;
