//! Who may speak to the API at all, before any password is looked at.
//!
//! A browser sends requests on behalf of any page that it shows. Two headers tell: `Host` is the name that the page
//! used, which a hostile page can make to point to this machine (DNS rebinding); `Origin` is the page's own.

use std::net::IpAddr;

use hyper::HeaderMap;
use hyper::header::{HOST, HeaderValue, ORIGIN};

use super::reply::Refused;

/// The names by which the API may be called.
#[derive(Debug)]
pub(super) struct Guard {
    hosts: Vec<String>,
}

impl Guard {
    pub(super) fn new(hosts: &[String]) -> Self {
        let hosts = hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Self { hosts }
    }

    /// Refuses what comes by a foreign name or from a foreign page. `local` is the address that was connected to.
    pub(super) fn check(&self, headers: &HeaderMap, local: IpAddr) -> Result<(), Refused> {
        let host = single(headers, HOST.as_str())
            .ok_or_else(|| Refused::bad_request("one Host header is needed"))?;
        if !self.is_known(host_name(host), local) {
            return Err(Refused::forbidden("this Host is not served here"));
        }
        if headers.contains_key(ORIGIN) {
            let same = single(headers, ORIGIN.as_str())
                .and_then(|origin| origin.split_once("://"))
                .is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host));
            if !same {
                return Err(Refused::forbidden("foreign Origin"));
            }
        }
        match headers.get("sec-fetch-site").map(HeaderValue::as_bytes) {
            None | Some(b"none" | b"same-origin") => Ok(()),
            Some(_) => Err(Refused::forbidden("foreign site")),
        }
    }

    fn is_known(&self, name: &str, local: IpAddr) -> bool {
        let literal = name.trim_start_matches('[').trim_end_matches(']');
        match literal.parse::<IpAddr>() {
            // An address is no name: nobody else can make it point here.
            Ok(address) => address.is_loopback() || address == local,
            Err(_) => {
                name.eq_ignore_ascii_case("localhost")
                    || self
                        .hosts
                        .iter()
                        .any(|host| host.eq_ignore_ascii_case(name))
            }
        }
    }
}

/// The value of a header that stands there once.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() {
        return None;
    }
    value.to_str().ok()
}

/// The host of `host:port` or `[host]:port`.
fn host_name(authority: &str) -> &str {
    if authority.starts_with('[') {
        return match authority.find(']') {
            Some(end) => authority.get(..=end).unwrap_or_default(),
            None => authority,
        };
    }
    authority
        .split_once(':')
        .map_or(authority, |(host, _)| host)
}

#[cfg(test)]
mod tests;
