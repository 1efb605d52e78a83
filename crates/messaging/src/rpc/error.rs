//! What a call or cast can end with, and how remote failures become a program's own errors.

use std::convert::Infallible;
use std::fmt;

use serde::de::DeserializeOwned;

use super::SerializeError;
use crate::driver::SendError;
use crate::target::{InvalidTarget, Version};
use crate::wire::{Failure, JsonError, RawJson};

/// An error type that travels between services under names that both sides know.
///
/// The server sends [`to_failure`](Self::to_failure); the client recognises it with
/// [`from_remote`](Self::from_remote), by module and class. Usually derived.
pub trait RpcError: Sized {
    /// The failure to send: module and class as Python services know them, text, and the arguments to construct it.
    fn to_failure(&self) -> Failure;

    /// The error that `remote` stands for, if it is one of this type's.
    fn from_remote(remote: &RemoteError) -> Option<Self>;

    /// Whether this error is part of the method's contract, so that the server logs it at debug and not as an error.
    fn is_expected(&self) -> bool {
        false
    }
}

/// Why a call or a cast failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The target can't be sent to, or can't be called.
    #[error(transparent)]
    InvalidTarget(#[from] InvalidTarget),
    /// The version asked for is above the client's cap.
    #[error(transparent)]
    VersionCap(#[from] RpcVersionCapError),
    /// No time is left: the timeout is zero, or the request that this call is made for has expired. Nothing was sent.
    #[error(
        "no time left to call {method}: its timeout is 0, or the deadline of the request that makes it has passed"
    )]
    Expired {
        /// The method.
        method: String,
    },
    /// The arguments have no JSON form, or are not an object.
    #[error("the arguments of {method} can't be sent: {cause}")]
    Arguments {
        /// The method.
        method: String,
        /// What is wrong.
        cause: String,
    },
    /// The serializer refused an argument, the context or the result.
    #[error(transparent)]
    Serializer(#[from] SerializeError),
    /// The message was not sent, or no reply came in time.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The method failed.
    #[error(transparent)]
    Remote(#[from] Box<RemoteError>),
    /// The method answered with something that is not the type asked for.
    #[error("the result of {method} is not what was expected: {cause}")]
    Result {
        /// The method.
        method: String,
        /// How the result does not fit.
        cause: JsonError,
    },
}

impl CallError {
    /// Whether the time ran out before an answer came.
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::Expired { .. } => true,
            Self::Send(error) => error.is_timeout(),
            _ => false,
        }
    }

    /// The remote failure, if the method failed.
    pub fn remote(&self) -> Option<&RemoteError> {
        match self {
            Self::Remote(remote) => Some(remote),
            _ => None,
        }
    }
}

/// A handler that fails because its own nested call failed passes the remote failure on unchanged; what went wrong on
/// this side goes out under the names that the peer's library uses.
impl RpcError for CallError {
    fn to_failure(&self) -> Failure {
        let (module, class) = match self {
            Self::Remote(remote) => return remote.to_failure(),
            Self::VersionCap(_) => (CLIENT, "RPCVersionCapError"),
            Self::InvalidTarget(_) => (EXCEPTIONS, "InvalidTarget"),
            Self::Expired { .. } | Self::Send(SendError::Timeout(_)) => {
                (EXCEPTIONS, "MessagingTimeout")
            }
            Self::Send(SendError::NoServer { .. } | SendError::Undeliverable { .. }) => {
                (EXCEPTIONS, "MessageUndeliverable")
            }
            Self::Send(_) => (EXCEPTIONS, "MessageDeliveryFailure"),
            Self::Arguments { .. } | Self::Serializer(_) | Self::Result { .. } => {
                ("builtins", "ValueError")
            }
        };
        Failure::new(module, class, self.to_string())
    }

    fn from_remote(_: &RemoteError) -> Option<Self> {
        None
    }
}

/// A version above the client's cap; the text is the peer's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "Requested message version, {} is incompatible.  It needs to be equal in major version and less than or equal \
     in minor version as the specified version cap {version_cap}.",
    version.map_or_else(|| "None".to_owned(), |version| version.to_string())
)]
pub struct RpcVersionCapError {
    /// The version asked for; none is above any cap.
    pub version: Option<Version>,
    /// The cap.
    pub version_cap: Version,
}

/// The failure of a method on another service.
///
/// Modules and classes are Python's. [`to`](Self::to) turns it into the program's own error type.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RemoteError {
    /// Class name without module, for example `InstanceNotFound`.
    pub class: String,
    /// Module path, `builtins` for Python's own exceptions.
    pub module: String,
    /// The exception's text.
    pub message: String,
    /// Positional arguments of the exception: a JSON array.
    pub args: RawJson,
    /// Keyword arguments of the exception: a JSON object.
    pub kwargs: RawJson,
    /// The remote traceback, one item per entry, each ending with a newline.
    pub traceback: Vec<String>,
    /// Whether the transport lets this module become a program's own error.
    mappable: bool,
}

impl RemoteError {
    /// Whether it is this class of this module.
    pub fn is(&self, module: &str, class: &str) -> bool {
        self.module == module && self.class == class
    }

    /// The program's own error that it stands for; `None` if `E` does not know it, or if the transport was given a
    /// list of [`allowed_remote_modules`](crate::transport::TransportOptions::allowed_remote_modules) that lacks it.
    pub fn to<E: RpcError>(&self) -> Option<E> {
        if self.mappable {
            E::from_remote(self)
        } else {
            None
        }
    }

    /// Whether the transport lets this failure become a program's own error.
    pub fn is_mappable(&self) -> bool {
        self.mappable
    }

    /// The positional argument at `index`, if it is there and is a `T`.
    pub fn arg<T: DeserializeOwned>(&self, index: usize) -> Option<T> {
        self.args.elements().nth(index)?.decode().ok()
    }

    /// The keyword argument `name`, if it is there and is a `T`.
    pub fn kwarg<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        self.kwargs.member(name)?.decode().ok()
    }

    /// The same error, never to become a program's own.
    #[must_use]
    pub(crate) fn kept_generic(self) -> Self {
        Self {
            mappable: false,
            ..self
        }
    }
}

impl From<Failure> for RemoteError {
    fn from(failure: Failure) -> Self {
        let failure = failure.without_remote_suffix();
        let module = failure.canonical_module().to_owned();
        Self {
            class: failure.class,
            module,
            message: failure.message,
            args: failure.args,
            kwargs: failure.kwargs,
            traceback: failure.tb,
            mappable: true,
        }
    }
}

impl RpcError for RemoteError {
    fn to_failure(&self) -> Failure {
        Failure {
            class: self.class.clone(),
            module: self.module.clone(),
            message: self.message.clone(),
            tb: self.traceback.clone(),
            args: self.args.clone(),
            kwargs: self.kwargs.clone(),
        }
    }

    fn from_remote(remote: &RemoteError) -> Option<Self> {
        Some(remote.clone())
    }
}

impl std::error::Error for RemoteError {}

/// One line, without the traceback. Control characters of the remote text are escaped: it may come from anyone who
/// can publish to the broker.
impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Remote error: ")?;
        write_escaped(f, &self.class)?;
        f.write_str(" ")?;
        write_escaped(f, &self.message)
    }
}

fn write_escaped(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    text.chars().try_for_each(|character| {
        if character.is_control() {
            write!(f, "{}", character.escape_default())
        } else {
            fmt::Write::write_char(f, character)
        }
    })
}

/// A call's error, told apart into the program's own type and everything else.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TypedCallError<E> {
    /// The method failed with an error that the program knows.
    #[error(transparent)]
    Own(E),
    /// Anything else: not sent, no answer in time, or a failure of unknown module or class.
    #[error(transparent)]
    Call(CallError),
}

impl<E: RpcError> From<CallError> for TypedCallError<E> {
    fn from(error: CallError) -> Self {
        match error.remote().and_then(RemoteError::to) {
            Some(own) => Self::Own(own),
            None => Self::Call(error),
        }
    }
}

/// The error type of what can't fail.
impl RpcError for Infallible {
    fn to_failure(&self) -> Failure {
        match *self {}
    }

    fn from_remote(_: &RemoteError) -> Option<Self> {
        None
    }
}

/// An error that is part of a method's contract: sent like any other, logged at debug. The counterpart of the peer's
/// `expected_exceptions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected<E>(pub E);

impl<E: RpcError> RpcError for Expected<E> {
    fn to_failure(&self) -> Failure {
        self.0.to_failure()
    }

    fn from_remote(remote: &RemoteError) -> Option<Self> {
        E::from_remote(remote).map(Self)
    }

    fn is_expected(&self) -> bool {
        true
    }
}

const EXCEPTIONS: &str = "oslo_messaging.exceptions";
const CLIENT: &str = "oslo_messaging.rpc.client";
