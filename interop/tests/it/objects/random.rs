//! Random values of fields.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bergen::wire::convert::{DateTime, Network};
use bergen_openstack::objects::Field;

/// Makes values; the same seed makes the same ones.
pub(super) struct Maker(fastrand::Rng);

impl Maker {
    pub(super) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// Sets a field, mostly.
    pub(super) fn field<T>(&mut self, field: &mut Field<T>, make: impl FnOnce(&mut Self) -> T) {
        if self.chance(80) {
            field.set(make(self));
        }
    }

    pub(super) fn chance(&mut self, percent: u8) -> bool {
        self.0.u8(..100) < percent
    }

    pub(super) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.0.usize(..of.len())]
    }

    pub(super) fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.chance(70).then(|| make(self))
    }

    pub(super) fn some<T, C: FromIterator<T>>(&mut self, make: impl Fn(&mut Self) -> T) -> C {
        (0..self.0.u8(..4)).map(|_| make(self)).collect()
    }

    pub(super) fn map<T>(&mut self, make: impl Fn(&mut Self) -> T) -> BTreeMap<String, T> {
        self.some(|maker| (maker.text(), make(maker)))
    }

    pub(super) fn text(&mut self) -> String {
        let characters = ['a', ' ', 'ü', '"', '\\', '\n', '\u{1f600}'];
        self.some(|maker| *maker.pick(&characters))
    }

    pub(super) fn number(&mut self) -> i64 {
        self.0.i64(..)
    }

    pub(super) fn bits(&mut self) -> u128 {
        self.0.u128(..)
    }

    /// To the second: the rest is cut on the way.
    pub(super) fn at(&mut self) -> DateTime {
        DateTime::from_unix_micros(i64::from(self.0.u32(..)) * 1_000_000).unwrap()
    }

    pub(super) fn address(&mut self) -> IpAddr {
        if self.chance(50) {
            Ipv4Addr::new(192, 0, 2, self.0.u8(..)).into()
        } else {
            Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, self.0.u16(..)).into()
        }
    }

    /// With bits of the host, which are kept.
    pub(super) fn network(&mut self) -> Network {
        let length = self.0.u8(8..=32);
        format!("{}/{length}", self.address()).parse().unwrap()
    }
}
