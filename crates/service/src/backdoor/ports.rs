//! Which ports the backdoor may have.

use std::ops::RangeInclusive;
use std::str::FromStr;

#[cfg(test)]
mod tests;

/// Option `backdoor_port`: `0` for any port, `p` for that one, `a:b` for the first free one of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BackdoorPorts(RangeInclusive<u16>);

/// The option is none of that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "backdoor_port = {text:?} is no port: write 0 for any, a port, or start:end with start up to end"
)]
pub(crate) struct InvalidPorts {
    text: String,
}

impl BackdoorPorts {
    /// In the order in which they are to be tried.
    pub(crate) fn candidates(&self) -> impl Iterator<Item = u16> {
        self.0.clone()
    }
}

impl FromStr for BackdoorPorts {
    type Err = InvalidPorts;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let port = |text: &str| text.trim().parse::<u16>().ok();
        let range = match text.split_once(':') {
            Some((start, end)) => port(start).zip(port(end)),
            None => port(text).zip(port(text)),
        };
        match range {
            Some((start, end)) if start <= end => Ok(Self(start..=end)),
            _ => Err(InvalidPorts {
                text: text.to_owned(),
            }),
        }
    }
}
