//! Reading a transport URL.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use percent_encoding::percent_decode_str;

use super::{TransportHost, TransportUrl};

/// A text that is no transport URL: what is wrong, and where. Says nothing of the text itself,
/// which may hold passwords.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid transport URL: {problem}, at character {}", position + 1)]
pub struct UrlError {
    /// What is wrong.
    pub problem: UrlProblem,
    /// Where, in characters from the start of the text, the first being 0.
    pub position: usize,
}

/// What can be wrong with a transport URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlProblem {
    /// There is no `driver://`.
    #[error("no scheme specified (it starts with a driver's name, for example rabbit://)")]
    NoScheme,
    /// A port is no number from 0 to 65535.
    #[error(
        "the port is no number up to 65535 (in user names and passwords write / ? # @ : , % as \
         %2F %3F %23 %40 %3A %2C %25)"
    )]
    Port,
    /// `[` without `]`.
    #[error("the IPv6 address has no closing bracket")]
    UnclosedBracket,
    /// More than one `:` outside brackets.
    #[error("more than one colon (an IPv6 address needs brackets, for example [::1]:5672)")]
    Colons,
    /// A host name with spaces, control characters or brackets in it.
    #[error("the host name holds a character that no host name has")]
    HostName,
    /// An `@` after `/`, `?` or `#`, and none before.
    #[error("@ after / or # (in user names and passwords write / ? # as %2F %3F %23)")]
    MisplacedAt,
    /// Percent-encoded bytes that are not UTF-8.
    #[error("the percent-encoded characters are not UTF-8")]
    NotUtf8,
}

pub(super) fn parse(text: &str) -> Result<TransportUrl, UrlError> {
    Parser { text }.url()
}

/// Works with byte ranges of the whole text, so that errors know their place.
struct Parser<'a> {
    text: &'a str,
}

impl Parser<'_> {
    fn url(&self) -> Result<TransportUrl, UrlError> {
        let end = self.text.len();
        let scheme = 0..self.find("://", 0..end).unwrap_or(0);
        if !is_scheme(self.at(&scheme)) {
            return Err(self.error(UrlProblem::NoScheme, 0));
        }
        let hosts_start = scheme.end + "://".len();
        let fragment = self.find("#", hosts_start..end).unwrap_or(end);
        let query = self.find("?", hosts_start..fragment).unwrap_or(fragment);
        let path = self.find("/", hosts_start..query).unwrap_or(query);
        let hosts = hosts_start..path;
        self.check_at(&hosts, path..query, fragment..end)?;
        Ok(TransportUrl {
            scheme: self.at(&scheme).to_ascii_lowercase(),
            hosts: self.hosts(hosts)?,
            virtual_host: self.virtual_host(path + 1..query)?,
            query: self.query(query + 1..fragment)?,
        })
    }

    /// Finds passwords that were not percent-encoded, which would silently name another host: an
    /// `@` in the virtual host or in the fragment, which nobody reads, but none among the hosts.
    fn check_at(
        &self,
        hosts: &Range<usize>,
        path: Range<usize>,
        fragment: Range<usize>,
    ) -> Result<(), UrlError> {
        let misplaced = self.find("@", path).or_else(|| self.find("@", fragment));
        match misplaced {
            Some(at) if self.at(hosts).contains(':') && !self.at(hosts).contains('@') => {
                Err(self.error(UrlProblem::MisplacedAt, at))
            }
            _ => Ok(()),
        }
    }

    /// Hosts between commas; empty ones are skipped.
    fn hosts(&self, range: Range<usize>) -> Result<Vec<TransportHost>, UrlError> {
        let parts = self.split(',', range).filter(|part| !part.is_empty());
        parts.map(|part| self.host(part)).collect()
    }

    /// `user:password@host:port`; the last `@` and the first `:` separate.
    fn host(&self, range: Range<usize>) -> Result<TransportHost, UrlError> {
        let Some(at) = self.at(&range).rfind('@').map(|at| range.start + at) else {
            return self.address(range);
        };
        let user = range.start..at;
        let mut host = self.address(at + 1..range.end)?;
        if let Some(colon) = self.find(":", user.clone()) {
            host.username = Some(self.decoded(user.start..colon)?);
            host.password = Some(self.decoded(colon + 1..user.end)?);
        } else {
            host.username = Some(self.decoded(user)?);
        }
        Ok(host)
    }

    /// `host:port`, with an IPv6 address in brackets.
    fn address(&self, range: Range<usize>) -> Result<TransportHost, UrlError> {
        let (hostname, rest) = if self.at(&range).starts_with('[') {
            let closing = self
                .find("]", range.clone())
                .ok_or_else(|| self.error(UrlProblem::UnclosedBracket, range.start))?;
            if closing == range.start + 1 {
                return Err(self.error(UrlProblem::HostName, closing));
            }
            (range.start + 1..closing, closing + 1..range.end)
        } else {
            let colon = self.find(":", range.clone()).unwrap_or(range.end);
            (range.start..colon, colon..range.end)
        };
        let port = match self.at(&rest).strip_prefix(':') {
            Some(port) if port.contains(':') => {
                return Err(self.error(UrlProblem::Colons, rest.start));
            }
            Some(port) => Some(self.port(port, rest.start + 1)?),
            None if rest.is_empty() => None,
            None => return Err(self.error(UrlProblem::HostName, rest.start)),
        };
        let misfit = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '[' | ']');
        if let Some(offset) = self.at(&hostname).find(misfit) {
            return Err(self.error(UrlProblem::HostName, hostname.start + offset));
        }
        let hostname = (!hostname.is_empty()).then(|| self.at(&hostname).to_owned());
        Ok(TransportHost {
            hostname,
            port,
            username: None,
            password: None,
        })
    }

    fn port(&self, port: &str, position: usize) -> Result<u16, UrlError> {
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        let number = if digits { port.parse().ok() } else { None };
        number.ok_or_else(|| self.error(UrlProblem::Port, position))
    }

    /// What follows the first slash, decoded once; nothing means `/`.
    fn virtual_host(&self, range: Range<usize>) -> Result<String, UrlError> {
        if range.start >= range.end {
            return Ok("/".to_owned());
        }
        self.decoded(range)
    }

    /// `name=value` pairs; those without a value are skipped, as the peer does.
    fn query(&self, range: Range<usize>) -> Result<BTreeMap<String, String>, UrlError> {
        let mut query = BTreeMap::<String, String>::new();
        if range.start >= range.end {
            return Ok(query);
        }
        for pair in self.split('&', range) {
            let Some(equals) = self.find("=", pair.clone()) else {
                continue;
            };
            let name = self.decoded_form(pair.start..equals)?;
            let value = self.decoded_form(equals + 1..pair.end)?;
            if value.is_empty() {
                continue;
            }
            let joined = query.entry(name).or_default();
            if !joined.is_empty() {
                joined.push(',');
            }
            joined.push_str(&value);
        }
        Ok(query)
    }

    fn decoded(&self, range: Range<usize>) -> Result<String, UrlError> {
        self.decode(self.at(&range), range.start)
    }

    /// As [`decoded`](Self::decoded), and `+` is a space.
    fn decoded_form(&self, range: Range<usize>) -> Result<String, UrlError> {
        self.decode(&self.at(&range).replace('+', " "), range.start)
    }

    fn decode(&self, text: &str, position: usize) -> Result<String, UrlError> {
        let decoded = percent_decode_str(text).decode_utf8().map(Cow::into_owned);
        decoded.map_err(|_| self.error(UrlProblem::NotUtf8, position))
    }

    fn split(&self, separator: char, range: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let mut start = range.start;
        self.at(&range).split(separator).map(move |part| {
            let part = start..start + part.len();
            start = part.end + 1;
            part
        })
    }

    fn find(&self, what: &str, range: Range<usize>) -> Option<usize> {
        self.at(&range)
            .find(what)
            .map(|offset| range.start + offset)
    }

    fn at(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }

    fn error(&self, problem: UrlProblem, offset: usize) -> UrlError {
        let position = self.text.get(..offset).unwrap_or_default().chars().count();
        UrlError { problem, position }
    }
}

/// A letter, then letters, digits, `+`, `-` and `.`.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}
