//! Interface versions and when one serves another.

use std::fmt;
use std::str::FromStr;

/// An interface version: `major.minor` or `major.minor.revision`.
///
/// Two versions are equal when their numbers are; `1.2` and `1.2.0` are the same version and
/// both print as `1.2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Incompatible changes.
    pub major: u32,
    /// Compatible additions.
    pub minor: u32,
    /// Compatible additions to a released series; 0 if not written.
    pub revision: u32,
}

impl Version {
    /// What an endpoint or request without a version means: 1.0.
    pub const DEFAULT: Self = Self::new(1, 0);

    /// `major.minor`.
    pub const fn new(major: u32, minor: u32) -> Self {
        Self {
            major,
            minor,
            revision: 0,
        }
    }

    /// Whether an implementation of this version serves a request for `requested`: the same
    /// major, and not newer than the implementation.
    ///
    /// ```
    /// use bergen_messaging::target::Version;
    ///
    /// assert!(Version::new(1, 5).accepts(Version::new(1, 3)));
    /// assert!(!Version::new(1, 5).accepts(Version::new(1, 6)));
    /// assert!(!Version::new(2, 0).accepts(Version::new(1, 0)));
    /// ```
    pub const fn accepts(self, requested: Self) -> bool {
        self.major == requested.major
            && (requested.minor < self.minor
                || (requested.minor == self.minor && requested.revision <= self.revision))
    }
}

impl From<(u32, u32)> for Version {
    fn from((major, minor): (u32, u32)) -> Self {
        Self::new(major, minor)
    }
}

impl From<(u32, u32, u32)> for Version {
    fn from((major, minor, revision): (u32, u32, u32)) -> Self {
        Self {
            major,
            minor,
            revision,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        match self.revision {
            0 => Ok(()),
            revision => write!(f, ".{revision}"),
        }
    }
}

impl FromStr for Version {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        let invalid = || InvalidVersion(text.chars().take(MAX_SHOWN).collect());
        let mut parts = text.split('.');
        let mut next = || parts.next().map(number);
        let (Some(Some(major)), Some(Some(minor))) = (next(), next()) else {
            return Err(invalid());
        };
        let revision = match next() {
            None => 0,
            Some(revision) => revision.ok_or_else(invalid)?,
        };
        match next() {
            None => Ok(Self {
                major,
                minor,
                revision,
            }),
            Some(_) => Err(invalid()),
        }
    }
}

/// Text that is not `major.minor` or `major.minor.revision`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid version {0:?}: write major.minor or major.minor.revision, for example 1.0")]
pub struct InvalidVersion(String);

/// How much of a bad version is repeated in the error; it may come from a peer.
const MAX_SHOWN: usize = 40;

/// Digits only: `u32::from_str` alone would take a sign.
fn number(text: &str) -> Option<u32> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}
