use std::net::{IpAddr, Ipv4Addr};

use hyper::HeaderMap;

use super::Guard;

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

fn allowed(headers: &[(&'static str, &str)]) -> bool {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    Guard::new(&["Broker.Example".to_owned()])
        .check(&map, LOCAL)
        .is_ok()
}

#[test]
fn only_loopback_addresses_of_here_and_configured_names_are_served() {
    for host in [
        "localhost",
        "LOCALHOST:15672",
        "127.0.0.1:1",
        "127.9.9.9",
        "[::1]:15672",
        "[::1]",
        "192.0.2.7:80",
    ] {
        assert!(allowed(&[("host", host)]), "{host}");
    }
    assert!(allowed(&[("host", "broker.example:15672")]));
    for host in [
        "evil.example",
        "localhost.evil.example",
        "broker.example.evil",
        "192.0.2.8",
        "[2001:db8::1]:80",
        "",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "0.0.0.0",
    ] {
        assert!(!allowed(&[("host", host)]), "{host}");
    }
    assert!(!allowed(&[]));
    assert!(!allowed(&[("host", "localhost"), ("host", "localhost")]));
}

#[test]
fn pages_from_elsewhere_are_refused() {
    let host = ("host", "localhost:15672");
    assert!(allowed(&[host, ("origin", "http://localhost:15672")]));
    for origin in [
        "http://localhost:8000",
        "http://evil.example",
        "null",
        "https://localhost",
        "",
    ] {
        assert!(!allowed(&[host, ("origin", origin)]), "{origin}");
    }
    assert!(allowed(&[host, ("sec-fetch-site", "same-origin")]));
    assert!(allowed(&[host, ("sec-fetch-site", "none")]));
    assert!(!allowed(&[host, ("sec-fetch-site", "cross-site")]));
    assert!(!allowed(&[host, ("sec-fetch-site", "same-site")]));
}
