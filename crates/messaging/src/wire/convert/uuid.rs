use std::fmt;
use std::str::FromStr;

use super::{ConversionError, as_text};
use crate::wire::Id;

/// A UUID: written with dashes, as Python does; read with dashes or as 32 hex digits, of either
/// case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(u128);

impl Uuid {
    /// The number.
    pub const fn as_u128(self) -> u128 {
        self.0
    }
}

impl From<u128> for Uuid {
    fn from(number: u128) -> Self {
        Self(number)
    }
}

/// The ids of messages are UUIDs without dashes.
impl From<Id> for Uuid {
    fn from(id: Id) -> Self {
        Self(id.as_u128())
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |shift: u32, bits: u32| self.0 >> shift & ((1 << bits) - 1);
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            part(96, 32),
            part(80, 16),
            part(64, 16),
            part(48, 16),
            part(0, 48)
        )
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uuid({self})")
    }
}

impl FromStr for Uuid {
    type Err = ConversionError;

    fn from_str(text: &str) -> Result<Self, ConversionError> {
        let bytes = text.as_bytes();
        let dashed = bytes.len() == 36 && DASHES.iter().all(|at| bytes.get(*at) == Some(&b'-'));
        let digits = if dashed {
            text.replace('-', "")
        } else {
            text.to_owned()
        };
        Id::parse(&digits.to_ascii_lowercase())
            .map(Self::from)
            .ok_or_else(|| ConversionError::new("a UUID", text))
    }
}

as_text!(Uuid);

/// Where the dashes stand.
const DASHES: [usize; 4] = [8, 13, 18, 23];
