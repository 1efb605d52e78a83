//! The driver's failures in the words of the driver trait.

use bergen_amqp::client::{ConnectError, Error, TlsError};
use bergen_amqp::codec::EncodeError;

use super::declare::ACCESS_REFUSED;
use super::supervisor::ConnectFailure;
use crate::driver::{ListenError, ReplyError, SendError};

#[cfg(test)]
mod tests;

/// Why a message was given up.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum PublishFailure {
    /// No connection.
    Connect(ConnectFailure),
    /// The broker closed the channel for it.
    Channel(Error),
    /// It does not fit AMQP.
    Encode(EncodeError),
    /// The broker does not take this message, even alone on its channel: it is too large.
    Unacceptable(String),
    /// Its fate is unknown and it may not be sent again.
    Unconfirmed(String),
}

impl PublishFailure {
    pub(super) fn into_send_error(self, hosts: &str) -> SendError {
        match self {
            Self::Connect(failure) => failure.into_send_error(hosts),
            Self::Channel(Error::Encode(error)) | Self::Encode(error) => SendError::Encode {
                cause: error.to_string(),
            },
            Self::Channel(error) if error.code() == Some(ACCESS_REFUSED) => SendError::Refused {
                cause: error.to_string(),
            },
            Self::Channel(error) => SendError::DeliveryFailure {
                cause: error.to_string(),
            },
            Self::Unacceptable(cause) => SendError::Encode { cause },
            Self::Unconfirmed(cause) => SendError::DeliveryFailure { cause },
        }
    }
}

impl From<PublishFailure> for ReplyError {
    fn from(failure: PublishFailure) -> Self {
        let cause = match failure {
            PublishFailure::Connect(ConnectFailure::Closed) => return Self::Closed,
            PublishFailure::Connect(ConnectFailure::Failed(error)) => error.to_string(),
            PublishFailure::Channel(Error::Encode(error)) | PublishFailure::Encode(error) => {
                return Self::Refused {
                    cause: error.to_string(),
                };
            }
            PublishFailure::Unacceptable(cause) => return Self::Refused { cause },
            PublishFailure::Channel(error) => error.to_string(),
            PublishFailure::Unconfirmed(cause) => cause,
        };
        Self::DeliveryFailure { cause }
    }
}

impl ConnectFailure {
    pub(super) fn into_send_error(self, hosts: &str) -> SendError {
        match self {
            Self::Closed => SendError::Closed,
            Self::Failed(error) if is_refusal(&error) => SendError::Refused {
                cause: error.to_string(),
            },
            Self::Failed(error) => SendError::Unreachable {
                hosts: hosts.to_owned(),
                cause: error.to_string(),
            },
        }
    }

    pub(super) fn into_listen_error(self, hosts: &str) -> ListenError {
        match self {
            Self::Closed => ListenError::Closed,
            Self::Failed(error) if is_refusal(&error) => ListenError::Refused {
                cause: error.to_string(),
            },
            Self::Failed(error) => ListenError::Unreachable {
                hosts: hosts.to_owned(),
                cause: error.to_string(),
            },
        }
    }
}

/// A channel failure while declaring or consuming.
pub(super) fn listen_error(error: &Error) -> ListenError {
    let cause = error.to_string();
    if error.code() == Some(ACCESS_REFUSED) {
        ListenError::Refused { cause }
    } else {
        ListenError::Failed { cause }
    }
}

/// The same for whoever waits for a reply queue to send a call.
pub(super) fn send_error(error: ListenError) -> SendError {
    match error {
        ListenError::Unreachable { hosts, cause } => SendError::Unreachable { hosts, cause },
        ListenError::Refused { cause } => SendError::Refused { cause },
        ListenError::Unsupported { driver, operation } => {
            SendError::Unsupported { driver, operation }
        }
        ListenError::Closed => SendError::Closed,
        other => SendError::DeliveryFailure {
            cause: other.to_string(),
        },
    }
}

/// Whether the broker was reached and said no.
fn is_refusal(error: &ConnectError) -> bool {
    matches!(
        error,
        ConnectError::AccessRefused { .. }
            | ConnectError::VirtualHostNotFound { .. }
            | ConnectError::VirtualHostRefused { .. }
            | ConnectError::MechanismNotOffered { .. }
    )
}

/// Whether somebody has to mend something before another attempt makes sense: waiting does not change a password, a
/// certificate or a port.
pub(super) fn is_definitive(error: &ConnectError) -> bool {
    match error {
        ConnectError::SpeaksTls { .. } => true,
        // The rest comes from the network, or from a broker that is not ready yet.
        ConnectError::Tls { error, .. } => !matches!(error, TlsError::HungUp | TlsError::Other(_)),
        other => is_refusal(other),
    }
}
