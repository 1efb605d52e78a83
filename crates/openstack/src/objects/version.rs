//! Versions of object classes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ObjectError;

/// The version of an object: `1.22`, or `1.22.1` where a stable branch added something that receivers may ignore.
///
/// Another major is another object; a higher minor adds fields or methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    major: u32,
    minor: u32,
    revision: Option<u32>,
}

impl Version {
    /// `major.minor`.
    pub const fn new(major: u32, minor: u32) -> Self {
        Self {
            major,
            minor,
            revision: None,
        }
    }

    /// The same with a third part.
    #[must_use]
    pub const fn with_revision(self, revision: u32) -> Self {
        Self {
            revision: Some(revision),
            ..self
        }
    }

    /// The same without a third part.
    #[must_use]
    pub const fn without_revision(self) -> Self {
        Self {
            revision: None,
            ..self
        }
    }

    /// What an object of version `wanted` is read as by a class of this version: as itself if the major is the same
    /// and it is not newer; without its third part if only that is newer. `None` if it has to be backported.
    pub fn reads(self, wanted: Self) -> Option<Self> {
        let newer = |wanted: Self| {
            let parts = |version: Self| (version.minor, version.revision.unwrap_or(0));
            wanted.major != self.major || parts(wanted) > parts(self)
        };
        [wanted, wanted.without_revision()]
            .into_iter()
            .find(|wanted| !newer(*wanted))
    }
}

impl From<(u32, u32)> for Version {
    fn from((major, minor): (u32, u32)) -> Self {
        Self::new(major, minor)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        match self.revision {
            Some(revision) => write!(f, ".{revision}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Version {
    type Err = ObjectError;

    fn from_str(text: &str) -> Result<Self, ObjectError> {
        let mut parts = text.splitn(3, '.').map(number);
        let mut next = || parts.next();
        match (next(), next(), next()) {
            (Some(Some(major)), Some(Some(minor)), None) => Ok(Self::new(major, minor)),
            (Some(Some(major)), Some(Some(minor)), Some(Some(revision))) => {
                Ok(Self::new(major, minor).with_revision(revision))
            }
            _ => {
                let shown: String = text.chars().take(40).collect();
                Err(ObjectError::Value(format!(
                    "{shown:?} is not the version of an object: it has to be X.Y or X.Y.Z"
                )))
            }
        }
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;
