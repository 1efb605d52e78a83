//! SASL mechanisms: how a client says who it is.

use std::fmt;

use crate::codec::{
    FieldTable, FieldValue,
    primitives::{Reader, Wire},
};

#[cfg(test)]
mod tests;

/// Who logs in, and by which SASL mechanism.
///
/// Each of them says everything in its first response: a server that asks further questions
/// (`connection.secure`) is not understood, and the handshake ends there.
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
    /// `AMQPLAIN`: the same two in AMQP's own encoding; what oslo.messaging uses if not told
    /// otherwise.
    AmqPlain {
        /// User name.
        username: String,
        /// Password.
        password: String,
    },
    /// `EXTERNAL`: the broker knows us already, by the certificate that TLS has shown it. RabbitMQ
    /// needs the plugin `rabbitmq_auth_mechanism_ssl` for it.
    External,
}

impl Login {
    /// The mechanisms that a server offers if it is not told otherwise. `EXTERNAL`, which
    /// [`from_response`](Self::from_response) understands too, is only for servers that know
    /// their clients by other means.
    pub const MECHANISMS: &'static [&'static str] = &["PLAIN", "AMQPLAIN"];

    /// Logs in with `PLAIN`.
    pub fn plain(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Plain {
            username: username.into(),
            password: password.into(),
        }
    }

    /// Logs in with `AMQPLAIN`.
    pub fn amqplain(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self::AmqPlain {
            username: username.into(),
            password: password.into(),
        }
    }

    /// The mechanism's name on the wire.
    pub fn mechanism(&self) -> &'static str {
        match self {
            Self::Plain { .. } => "PLAIN",
            Self::AmqPlain { .. } => "AMQPLAIN",
            Self::External => "EXTERNAL",
        }
    }

    /// The name that the broker will know us by; `None` if it takes that from elsewhere.
    pub fn username(&self) -> Option<&str> {
        match self {
            Self::Plain { username, .. } | Self::AmqPlain { username, .. } => Some(username),
            Self::External => None,
        }
    }

    /// The bytes of `connection.start-ok.response`.
    pub fn response(&self) -> Vec<u8> {
        match self {
            Self::Plain { username, password } => {
                [b"\0", username.as_bytes(), b"\0", password.as_bytes()].concat()
            }
            Self::AmqPlain { username, password } => {
                let mut response = Vec::new();
                long_string(&mut response, LOGIN, username);
                long_string(&mut response, PASSWORD, password);
                response
            }
            Self::External => Vec::new(),
        }
    }

    /// What a client sent; `None` when the mechanism is unknown or the bytes make no sense.
    pub fn from_response(mechanism: &str, response: &[u8]) -> Option<Self> {
        match mechanism {
            "PLAIN" => from_plain(response),
            "AMQPLAIN" => from_amqplain(response),
            // An identity may stand there; like RabbitMQ we have no use for it.
            "EXTERNAL" => Some(Self::External),
            _ => None,
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Plain { .. } => "Plain",
            Self::AmqPlain { .. } => "AmqPlain",
            Self::External => return formatter.write_str("External"),
        };
        formatter
            .debug_struct(name)
            .field("username", &self.username().unwrap_or_default())
            .field("password", &"***")
            .finish()
    }
}

/// Key of the user name in `AMQPLAIN`.
const LOGIN: &str = "LOGIN";
/// Key of the password in `AMQPLAIN`.
const PASSWORD: &str = "PASSWORD";

/// Writes one pair of a field table. `AMQPLAIN` is a table without the length in front.
fn long_string(response: &mut Vec<u8>, key: &str, value: &str) {
    response.push(u8::try_from(key.len()).unwrap_or(u8::MAX));
    response.extend_from_slice(key.as_bytes());
    response.push(b'S');
    let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
    response.extend_from_slice(&length.to_be_bytes());
    response.extend_from_slice(value.as_bytes());
}

fn from_plain(response: &[u8]) -> Option<Login> {
    // An authorisation identity may stand in front; like RabbitMQ we have no use for it.
    let mut parts = response.split(|byte| *byte == 0);
    let (_authorisation, username, password) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    Some(Login::plain(text(username)?, text(password)?))
}

fn from_amqplain(response: &[u8]) -> Option<Login> {
    let length = u32::try_from(response.len()).ok()?;
    let table = [&length.to_be_bytes(), response].concat();
    let table = FieldTable::read(&mut Reader::new(&table)).ok()?;
    let value = |key| match table.get(key)? {
        FieldValue::LongString(value) => text(value),
        _ => None,
    };
    Some(Login::amqplain(value(LOGIN)?, value(PASSWORD)?))
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}
