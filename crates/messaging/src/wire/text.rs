//! A cheap slice of shared text.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Deref, Range};
use std::sync::Arc;

/// Text that is cheap to clone: a constant, or a slice of a shared buffer such as a received
/// message. Reads as `&str`.
///
/// A slice keeps its whole buffer alive; [`Text::copy`] what is to outlive its message for long.
#[derive(Clone)]
pub struct Text(Repr);

#[derive(Clone)]
enum Repr {
    Constant(&'static str),
    Slice {
        source: Arc<str>,
        start: u32,
        end: u32,
    },
}

impl Text {
    /// A copy of `text` in a buffer of its own.
    pub fn copy(text: &str) -> Self {
        Self::from(Arc::<str>::from(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Constant(text) => text,
            Repr::Slice { source, start, end } => source
                .get(*start as usize..*end as usize)
                .unwrap_or_default(),
        }
    }

    /// The slice `range` of `source`, without a copy. Offsets that do not fit `u32` give a copy;
    /// a range that is no slice of the text gives the empty text.
    pub(crate) fn slice(source: &Arc<str>, range: Range<usize>) -> Self {
        match (u32::try_from(range.start), u32::try_from(range.end)) {
            (Ok(start), Ok(end)) => Self(Repr::Slice {
                source: Arc::clone(source),
                start,
                end,
            }),
            _ => Self::from(source.get(range).unwrap_or_default().to_owned()),
        }
    }

    /// A part of this text, in the same buffer.
    pub(crate) fn part(&self, range: Range<usize>) -> Self {
        match &self.0 {
            Repr::Constant(text) => Self(Repr::Constant(text.get(range).unwrap_or_default())),
            Repr::Slice { source, start, .. } => {
                let start = *start as usize;
                Self::slice(source, start + range.start..start + range.end)
            }
        }
    }
}

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        Self(Repr::Constant(text))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::from(Arc::<str>::from(text))
    }
}

impl From<Arc<str>> for Text {
    fn from(source: Arc<str>) -> Self {
        // Texts come from messages, which are limited far below 4 GiB.
        let end = u32::try_from(source.len()).unwrap_or(u32::MAX);
        Self(Repr::Slice {
            source,
            start: 0,
            end,
        })
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::from("")
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
