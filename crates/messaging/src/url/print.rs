//! Printing a transport URL.

use std::fmt::Write;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{TransportHost, TransportUrl};
use crate::mask::is_secret;

/// What stands for a password.
pub(super) const MASK: &str = "***";

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Passwords {
    Masked,
    Clear,
}

pub(super) fn print(url: &TransportUrl, passwords: Passwords) -> String {
    let hosts: Vec<_> = url
        .hosts
        .iter()
        .map(|host| print_host(host, passwords))
        .collect();
    let mut text = format!("{}://{}/", url.scheme, hosts.join(","));
    if url.virtual_host != "/" {
        text.extend(utf8_percent_encode(&url.virtual_host, VIRTUAL_HOST));
    }
    for (index, (name, value)) in url.query.iter().enumerate() {
        text.push(if index == 0 { '?' } else { '&' });
        text.extend(utf8_percent_encode(name, EVERYTHING));
        text.push('=');
        if passwords == Passwords::Masked && is_secret(name) {
            text.push_str(MASK);
        } else {
            text.extend(utf8_percent_encode(value, QUERY));
        }
    }
    text
}

fn print_host(host: &TransportHost, passwords: Passwords) -> String {
    let mut text = String::new();
    if let Some(username) = &host.username {
        text.extend(utf8_percent_encode(username, EVERYTHING));
    }
    if let Some(password) = &host.password {
        text.push(':');
        match passwords {
            Passwords::Masked => text.push_str(MASK),
            Passwords::Clear => text.extend(utf8_percent_encode(password, EVERYTHING)),
        }
    }
    if host.username.is_some() || host.password.is_some() {
        text.push('@');
    }
    match host.hostname.as_deref() {
        Some(address) if address.contains(':') => {
            let _ = write!(text, "[{address}]");
        }
        hostname => text.push_str(hostname.unwrap_or_default()),
    }
    if let Some(port) = host.port {
        let _ = write!(text, ":{port}");
    }
    text
}

/// All but the characters that never mean anything in a URL.
const EVERYTHING: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// In a virtual host, slashes are common and clear.
const VIRTUAL_HOST: &AsciiSet = &EVERYTHING.remove(b'/');

/// In a value of the query, so are slashes and the commas of lists.
const QUERY: &AsciiSet = &EVERYTHING.remove(b'/').remove(b',');
