//! What travels as text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use bergen_messaging::wire::convert::{DateTime, Network, Uuid};
use bergen_messaging::wire::{JsonKind, RawJson};

use super::{FieldValue, encode, not};
use crate::objects::ObjectError;

impl FieldValue for String {
    fn read(json: &RawJson) -> Result<Self, ObjectError> {
        match json.kind() {
            JsonKind::String => json.as_text().map(|text| text.as_str().to_owned()),
            JsonKind::Number => Some(json.as_str().to_owned()),
            JsonKind::Bool => Some(
                if json.as_str() == "true" {
                    "True"
                } else {
                    "False"
                }
                .to_owned(),
            ),
            _ => None,
        }
        .ok_or_else(|| not("a text", json))
    }

    fn write(&self) -> Result<RawJson, ObjectError> {
        encode(self)
    }
}

/// To the second, with `Z`: `2026-08-21T10:00:30Z`. Microseconds are cut, so that a time may come back as another one.
impl FieldValue for DateTime {
    fn read(json: &RawJson) -> Result<Self, ObjectError> {
        parse(json, "a time in ISO 8601")
    }

    fn write(&self) -> Result<RawJson, ObjectError> {
        let text = self.to_string();
        let seconds = text.split_once('.').map_or(&*text, |(seconds, _)| seconds);
        encode(&format!("{seconds}Z"))
    }
}

macro_rules! texts {
    ($($type:ty, $expected:literal;)*) => {$(
        impl FieldValue for $type {
            fn read(json: &RawJson) -> Result<Self, ObjectError> {
                parse(json, $expected)
            }

            fn write(&self) -> Result<RawJson, ObjectError> {
                encode(&self.to_string())
            }
        }
    )*};
}

texts! {
    Uuid, "a UUID";
    IpAddr, "an IP address";
    Ipv4Addr, "an IPv4 address";
    Ipv6Addr, "an IPv6 address";
    Network, "a network, as in 10.0.0.0/24";
    super::MacAddress, "a MAC address, as in fa:16:3e:00:00:01";
}

fn parse<T: FromStr>(json: &RawJson, expected: &str) -> Result<T, ObjectError> {
    json.as_text()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| not(expected, json))
}
