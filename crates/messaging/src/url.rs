//! Transport URLs.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

mod parse;
mod print;
#[cfg(test)]
mod tests;

pub use parse::{UrlError, UrlProblem};

/// A transport URL: which driver, which hosts, which virtual host, which options.
///
/// ```text
/// driver[+x]://[user[:password]@]host[:port][,[user[:password]@]host[:port]]*/[vhost][?opt=value]
/// ```
///
/// The grammar is that of oslo.messaging, read the same way except that the virtual host is
/// percent-decoded once, not twice, and that `%2F` works in user names and passwords.
///
/// `Display` and `Debug` mask passwords; [`with_credentials`](Self::with_credentials) prints
/// them.
///
/// ```
/// use bergen_messaging::url::TransportUrl;
///
/// let url: TransportUrl = "rabbit://nova:s3cret@mq1,mq2:5673/prod?heartbeat_rate=3".parse()?;
/// assert_eq!(url.driver(), "rabbit");
/// assert_eq!(url.virtual_host(), "prod");
/// assert_eq!(url.hosts()[1].port, Some(5673));
/// assert_eq!(url.to_string(), "rabbit://nova:***@mq1,mq2:5673/prod?heartbeat_rate=3");
/// # Ok::<(), bergen_messaging::url::UrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TransportUrl {
    scheme: String,
    hosts: Vec<TransportHost>,
    virtual_host: String,
    query: BTreeMap<String, String>,
}

impl TransportUrl {
    /// A URL without hosts, which means the driver's default host, and with the virtual host `/`.
    pub fn new(scheme: impl AsRef<str>) -> Self {
        Self {
            scheme: scheme.as_ref().to_ascii_lowercase(),
            hosts: Vec::new(),
            virtual_host: "/".to_owned(),
            query: BTreeMap::new(),
        }
    }

    /// The same with one more host.
    #[must_use]
    pub fn with_host(mut self, host: TransportHost) -> Self {
        self.hosts.push(host);
        self
    }

    /// The same with another virtual host.
    #[must_use]
    pub fn with_virtual_host(mut self, virtual_host: impl Into<String>) -> Self {
        self.virtual_host = virtual_host.into();
        if self.virtual_host.is_empty() {
            self.virtual_host.push('/');
        }
        self
    }

    /// The same with an option set.
    #[must_use]
    pub fn with_option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.insert(name.into(), value.into());
        self
    }

    /// The scheme in lower case, for example `rabbit` or `kombu+memory`.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The name of the driver: the scheme up to a `+`. Aliases are the driver registry's matter.
    pub fn driver(&self) -> &str {
        self.scheme.split('+').next().unwrap_or(&self.scheme)
    }

    /// The hosts as written; empty if the URL names none, which means the driver's default.
    pub fn hosts(&self) -> &[TransportHost] {
        &self.hosts
    }

    /// The virtual host, `/` by default.
    pub fn virtual_host(&self) -> &str {
        &self.virtual_host
    }

    /// The options that the URL sets, by name. The values of a repeated name are joined by
    /// commas.
    pub fn query(&self) -> &BTreeMap<String, String> {
        &self.query
    }

    /// Whether some hosts have credentials and others do not. Credentials belong to one host
    /// only and the others get `guest`, which is rarely meant: drivers warn.
    pub fn lacks_credentials(&self) -> bool {
        let with = self
            .hosts
            .iter()
            .filter(|host| host.username.is_some())
            .count();
        with != 0 && with != self.hosts.len()
    }

    /// The URL with its passwords in clear, as one would write it in a configuration file.
    pub fn with_credentials(&self) -> String {
        print::print(self, print::Passwords::Clear)
    }
}

impl FromStr for TransportUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        parse::parse(text)
    }
}

impl fmt::Display for TransportUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print::print(self, print::Passwords::Masked))
    }
}

impl fmt::Debug for TransportUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransportUrl({self})")
    }
}

/// One host of a transport URL. `Debug` masks the password.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct TransportHost {
    /// Name or address; IPv6 addresses without brackets. `None` means the driver's default.
    pub hostname: Option<String>,
    /// Port; `None` means the driver's default.
    pub port: Option<u16>,
    /// User name; `None` means `guest`.
    pub username: Option<String>,
    /// Password; `None` means `guest`.
    pub password: Option<String>,
}

impl TransportHost {
    /// A host without port and credentials.
    pub fn new(hostname: impl Into<String>) -> Self {
        Self {
            hostname: Some(hostname.into()),
            ..Self::default()
        }
    }

    /// User name and password to log in with: what is not set is `guest`.
    pub fn login(&self) -> (&str, &str) {
        let username = self.username.as_deref().unwrap_or(GUEST);
        (username, self.password.as_deref().unwrap_or(GUEST))
    }
}

impl fmt::Debug for TransportHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportHost")
            .field("hostname", &self.hostname)
            .field("port", &self.port)
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| print::MASK))
            .finish()
    }
}

/// `RabbitMQ`'s default user and password.
const GUEST: &str = "guest";
