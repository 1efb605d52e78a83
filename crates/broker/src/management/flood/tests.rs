use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use super::{Flood, MAX_ADDRESSES};

#[test]
fn an_address_that_asks_too_often_waits_and_others_do_not() {
    let (one, two) = (
        IpAddr::from(Ipv4Addr::LOCALHOST),
        IpAddr::from(Ipv4Addr::UNSPECIFIED),
    );
    let mut flood = Flood::new(2);
    let now = Instant::now();
    let admitted = (0..100).filter(|_| flood.admit(one, now).is_ok()).count();
    assert_eq!(admitted, 20);
    assert_eq!(flood.admit(one, now), Err(Duration::from_millis(500)));
    assert_eq!(flood.admit(two, now), Ok(()));
    let later = now + Duration::from_secs(1);
    let admitted = (0..100).filter(|_| flood.admit(one, later).is_ok()).count();
    assert_eq!(admitted, 2);
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut flood = Flood::new(1);
    let now = Instant::now();
    for number in 0..10 * u32::try_from(MAX_ADDRESSES).unwrap() {
        let address = IpAddr::from(Ipv4Addr::from(number));
        flood.admit(address, now).unwrap();
        assert!(flood.buckets.len() <= MAX_ADDRESSES);
    }
}
