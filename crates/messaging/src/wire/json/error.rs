//! What can be wrong with JSON text.

/// Why text is not JSON, or JSON not the value that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The text breaks off, or has something else than JSON at a place.
    #[error("expected {expected} at byte {offset}")]
    Syntax {
        /// Where, in bytes from the start of the text.
        offset: usize,
        /// What should be there.
        expected: &'static str,
    },
    /// Arrays and objects are nested deeper than the limit.
    #[error("nested deeper than {limit} levels")]
    TooDeep {
        /// Levels allowed.
        limit: usize,
    },
    /// The text is longer than the limit.
    #[error("longer than {limit} bytes")]
    TooLong {
        /// Bytes allowed.
        limit: usize,
    },
    /// The JSON is fine, but not of the type that was asked for.
    #[error("{0}")]
    Mismatch(String),
    /// A value cannot be written as JSON.
    #[error("cannot be written as JSON: {0}")]
    Unencodable(String),
}
