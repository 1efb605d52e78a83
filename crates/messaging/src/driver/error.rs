//! What can go wrong between messaging and a broker, by who is at fault.

use std::fmt;
use std::time::Duration;

use crate::target::InvalidTarget;

/// Why a message was not sent, or its answer not received.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// No broker could be reached within the attempts or the time allowed.
    #[error(
        "no broker reached at {hosts}: {cause}; check transport_url and that the broker is running"
    )]
    Unreachable {
        /// The hosts tried, without credentials.
        hosts: String,
        /// What the last attempt ended with.
        cause: String,
    },
    /// The broker answered and does not let us in or does not allow the operation.
    #[error("the broker refused: {cause}; check user, password, virtual host and permissions")]
    Refused {
        /// The broker's words.
        cause: String,
    },
    /// No reply in time.
    #[error(transparent)]
    Timeout(Box<Timeout>),
    /// A call found no queue to go to during its grace time: no such server runs, so the method ran nowhere.
    #[error(
        "no server: nothing is bound to exchange {exchange:?} with key {routing_key:?}; is the service running, and \
         is this its control exchange?"
    )]
    NoServer {
        /// The exchange published to.
        exchange: String,
        /// The routing key published with.
        routing_key: String,
    },
    /// A message sent with `at_least_once` found no queue to go to (the peer's `MessageUndeliverable`).
    #[error("undeliverable: no queue takes exchange {exchange:?} with key {routing_key:?}")]
    Undeliverable {
        /// The exchange published to.
        exchange: String,
        /// The routing key published with.
        routing_key: String,
    },
    /// The broker took the message and did not keep it, or the connection broke more often than `retry` allows (the
    /// peer's `MessageDeliveryFailure`). The message may have been delivered.
    #[error("the message was not confirmed: {cause}")]
    DeliveryFailure {
        /// What happened to it.
        cause: String,
    },
    /// The message can't be encoded, or is larger than the broker takes.
    #[error("the message can't be sent: {cause}")]
    Encode {
        /// What is wrong with it.
        cause: String,
    },
    /// As much as is allowed waits already. Nothing was sent.
    #[error("not sent: {0} already; send less at a time, or allow more")]
    Overloaded(Bound),
    /// The driver can't do this at all.
    #[error("the {driver} driver does not support {operation}")]
    Unsupported {
        /// The driver's name.
        driver: &'static str,
        /// What was asked of it.
        operation: &'static str,
    },
    /// The transport was closed before or while this was sent.
    #[error("the transport is closed")]
    Closed,
}

impl SendError {
    /// Whether the time ran out, rather than something having failed.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout(_))
    }
}

/// A bound on what one driver holds; see [`SendError::Overloaded`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bound {
    /// This many calls may wait for their replies.
    WaitingCalls(usize),
    /// This many bytes of messages may wait for the broker to confirm them.
    WaitingBytes(usize),
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WaitingCalls(limit) => write!(f, "{limit} calls wait for their replies"),
            Self::WaitingBytes(limit) => {
                write!(f, "messages of {limit} bytes wait for the broker")
            }
        }
    }
}

/// A call that got no reply in time (the peer's `MessagingTimeout`).
///
/// The method may have run, may be running, or may still run until the message expires.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeout {
    /// The `_msg_id` of the call.
    pub message_id: String,
    /// How long was waited.
    pub waited: Duration,
    /// Set when a monitored call ended because keep-alives stopped, before its own deadline.
    pub keep_alives_stopped: bool,
    /// What the driver found out about the silence.
    pub findings: Vec<Finding>,
}

impl Timeout {
    /// A call that was waited for during `waited`.
    pub fn new(message_id: impl Into<String>, waited: Duration) -> Self {
        Self {
            message_id: message_id.into(),
            waited,
            keep_alives_stopped: false,
            findings: Vec::new(),
        }
    }
}

impl std::error::Error for Timeout {}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The first words are the peer's: people search their logs for them.
        write!(
            f,
            "Timed out waiting for a reply to message ID {}",
            self.message_id
        )?;
        write!(f, " after {:.1?}", self.waited)?;
        if self.keep_alives_stopped {
            f.write_str(" (keep-alives stopped)")?;
        }
        self.findings
            .iter()
            .try_for_each(|finding| write!(f, "; {finding}"))
    }
}

impl From<Timeout> for SendError {
    fn from(timeout: Timeout) -> Self {
        Self::Timeout(Box::new(timeout))
    }
}

/// What a driver found out about a call that stays without a reply. None of them proves that the method did not run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// The request's queue exists and had no consumer when asked.
    NoConsumer {
        /// The queue asked about.
        queue: String,
    },
    /// The request's queue did not exist when asked.
    QueueMissing {
        /// The queue asked about.
        queue: String,
    },
    /// The reply queue was lost and created again while the call waited; a reply may have been lost with it.
    ReplyQueueRecreated,
    /// The broker did not confirm the request before the time ran out.
    NotConfirmed,
    /// The broker blocked publishing when the time ran out, and had not confirmed the request.
    Blocked {
        /// The broker's reason, for example that its memory is low.
        reason: String,
    },
    /// No connection to the broker stood when the time ran out.
    NotConnected {
        /// What the last attempt ended with.
        cause: String,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoConsumer { queue } => {
                write!(
                    f,
                    "queue {queue:?} had no consumer; the call may still run until it expires"
                )
            }
            Self::QueueMissing { queue } => write!(f, "queue {queue:?} did not exist"),
            Self::ReplyQueueRecreated => f.write_str("the reply queue was created again meanwhile"),
            Self::NotConfirmed => f.write_str("the broker never confirmed the request"),
            Self::Blocked { reason } => {
                write!(f, "the broker blocks publishing: {}", reason.escape_debug())
            }
            Self::NotConnected { cause } => write!(f, "no broker connection: {cause}"),
        }
    }
}

/// Why a listener did not start, or ended by itself.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The target can't be listened on.
    #[error(transparent)]
    InvalidTarget(#[from] InvalidTarget),
    /// No broker could be reached.
    #[error(
        "no broker reached at {hosts}: {cause}; check transport_url and that the broker is running"
    )]
    Unreachable {
        /// The hosts tried, without credentials.
        hosts: String,
        /// What the last attempt ended with.
        cause: String,
    },
    /// The broker does not let us in or does not allow to consume.
    #[error("the broker refused: {cause}; check user, password, virtual host and permissions")]
    Refused {
        /// The broker's words.
        cause: String,
    },
    /// Declaring or consuming failed.
    #[error("listening failed: {cause}")]
    Failed {
        /// What happened.
        cause: String,
    },
    /// The driver can't do this at all.
    #[error("the {driver} driver does not support {operation}")]
    Unsupported {
        /// The driver's name.
        driver: &'static str,
        /// What was asked of it.
        operation: &'static str,
    },
    /// The transport was closed.
    #[error("the transport is closed")]
    Closed,
}

/// Why a reply or keep-alive did not reach the caller, or a message could not be acknowledged.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// The caller's reply queue does not exist (any more).
    #[error("no such reply queue: {queue:?}")]
    NoRoute {
        /// The queue the request named.
        queue: String,
    },
    /// The reply is not to be sent to that place, or can't be encoded.
    #[error("the reply can't be sent: {cause}")]
    Refused {
        /// Why.
        cause: String,
    },
    /// The broker did not confirm it.
    #[error("the reply was not confirmed: {cause}")]
    DeliveryFailure {
        /// What happened.
        cause: String,
    },
    /// The connection that delivered the message is gone: the broker will deliver it again.
    #[error("the connection that delivered the message is gone")]
    ConnectionLost,
    /// A cast wants no reply.
    #[error("the request asks for no reply")]
    NotAsked,
    /// The transport was closed.
    #[error("the transport is closed")]
    Closed,
}

/// Why a driver could not be created.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DriverError {
    /// No driver goes by that name (the peer's `DriverLoadFailure`).
    #[error("no driver is called {name:?}; known are {}", known.join(", "))]
    Unknown {
        /// The scheme of the URL, up to a `+`.
        name: String,
        /// The schemes registered.
        known: Vec<String>,
    },
    /// An option of the URL or of the configuration is not acceptable.
    #[error("invalid option for the {driver} driver: {cause}")]
    InvalidOption {
        /// The driver's name.
        driver: String,
        /// Which option, what is wrong, what is allowed.
        cause: String,
    },
    /// The driver does not serve this kind of transport.
    #[error("the {driver} driver does not support {operation}")]
    Unsupported {
        /// The driver's name.
        driver: String,
        /// What was asked of it.
        operation: &'static str,
    },
}
