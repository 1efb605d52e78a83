use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::{ConversionError, as_text};

/// An address and the length of its network's prefix, `10.0.0.0/8`: what netaddr's `IPNetwork` is
/// on the wire. Read also without the prefix, which is then the whole address.
///
/// Of the `ipaddress` module, a network arrives as the list of all its addresses: `Vec<IpAddr>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// A network; `None` if the prefix is longer than the address. Bits behind the prefix stay.
    pub fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        (prefix <= length(address)).then_some(Self { address, prefix })
    }

    /// The address.
    pub const fn address(self) -> IpAddr {
        self.address
    }

    /// The length of the prefix in bits.
    pub const fn prefix(self) -> u8 {
        self.prefix
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl FromStr for Network {
    type Err = ConversionError;

    fn from_str(text: &str) -> Result<Self, ConversionError> {
        let network = |text: &str| {
            let Some((address, prefix)) = text.split_once('/') else {
                let address = text.parse().ok()?;
                return Self::new(address, length(address));
            };
            Self::new(address.parse().ok()?, prefix.parse().ok()?)
        };
        network(text).ok_or_else(|| ConversionError::new("a network ADDRESS/PREFIX", text))
    }
}

as_text!(Network);

/// Bits of an address.
fn length(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}
