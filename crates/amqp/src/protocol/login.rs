//! SASL mechanisms: how a client says who it is.

use std::fmt;

/// Who logs in, and by which SASL mechanism.
///
/// The password never appears in `Debug`.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Login {
    /// `PLAIN`: name and password in clear inside the connection.
    Plain {
        /// User name.
        username: String,
        /// Password.
        password: String,
    },
}

impl Login {
    /// The mechanisms that [`from_response`](Self::from_response) understands, best first.
    pub const MECHANISMS: &'static [&'static str] = &["PLAIN"];

    /// Logs in with `PLAIN`.
    pub fn plain(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Plain {
            username: username.into(),
            password: password.into(),
        }
    }

    /// The mechanism's name on the wire.
    pub fn mechanism(&self) -> &'static str {
        match self {
            Self::Plain { .. } => "PLAIN",
        }
    }

    /// The name that the broker will know us by.
    pub fn username(&self) -> &str {
        match self {
            Self::Plain { username, .. } => username,
        }
    }

    /// The bytes of `connection.start-ok.response`.
    pub fn response(&self) -> Vec<u8> {
        match self {
            Self::Plain { username, password } => {
                [b"\0", username.as_bytes(), b"\0", password.as_bytes()].concat()
            }
        }
    }

    /// What a client sent; `None` when the mechanism is unknown or the bytes make no sense.
    pub fn from_response(mechanism: &str, response: &[u8]) -> Option<Self> {
        if mechanism != "PLAIN" {
            return None;
        }
        // An authorisation identity may stand in front; like RabbitMQ we have no use for it.
        let mut parts = response.split(|byte| *byte == 0);
        let (_authorisation, username, password) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        Some(Self::Plain {
            username: std::str::from_utf8(username).ok()?.to_owned(),
            password: std::str::from_utf8(password).ok()?.to_owned(),
        })
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain { username, .. } => formatter
                .debug_struct("Plain")
                .field("username", username)
                .field("password", &"***")
                .finish(),
        }
    }
}
