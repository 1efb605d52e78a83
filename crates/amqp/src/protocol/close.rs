//! Why connections and channels end.

use std::{io, time::Duration};

use super::{Phase, Violation};
use crate::codec::EncodeError;

/// What a `close` method says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code} {text}")]
#[non_exhaustive]
pub struct PeerClose {
    /// Reply code, see [`crate::codec::reply_code`].
    pub code: u16,
    /// The peer's words.
    pub text: String,
    /// Class of the method that it blames; 0 if none.
    pub class_id: u16,
    /// The method that it blames; 0 if none.
    pub method_id: u16,
}

/// Why a connection is over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// We asked for it.
    #[error("closed by us")]
    Local,
    /// The peer closed it in order: 320 on shutdown, 403 for bad credentials (phase
    /// [`Login`](Phase::Login)), 530 for a virtual host that does not exist or is not allowed (phase
    /// [`Open`](Phase::Open)) …
    #[error("closed by the peer: {close}")]
    Peer {
        /// Its reason.
        close: PeerClose,
        /// When in the connection's life.
        phase: Phase,
    },
    /// The peer broke the protocol and was told so.
    #[error("the peer broke the protocol: {0}")]
    Misbehaved(Violation),
    /// Server: the client was not let in.
    #[error("the client was refused: {code} {text}")]
    Refused {
        /// Reply code it was given.
        code: u16,
        /// Our words.
        text: String,
    },
    /// Nothing came from the peer for twice the heartbeat interval.
    #[error("no sign of life from the peer for twice the heartbeat interval of {interval:?}")]
    HeartbeatMissed {
        /// The agreed interval.
        interval: Duration,
    },
    /// The handshake took too long.
    #[error("the handshake was not done within {limit:?} (phase {phase:?})")]
    HandshakeTimedOut {
        /// `handshake_timeout`.
        limit: Duration,
        /// How far it came.
        phase: Phase,
    },
    /// The stream ended without a `close`. In phase [`Login`](Phase::Login) that is how a broker
    /// without `authentication_failure_close` refuses credentials, in phase
    /// [`Greeting`](Phase::Greeting) most often no AMQP server at all.
    #[error("the peer hung up (phase {phase:?})")]
    Disconnected {
        /// When in the connection's life.
        phase: Phase,
    },
    /// Reading or writing failed.
    #[error("the network failed (phase {phase:?}): {message}")]
    Io {
        /// What kind of failure.
        kind: io::ErrorKind,
        /// The system's words.
        message: String,
        /// When in the connection's life.
        phase: Phase,
    },
    /// The peer speaks something else: another version of AMQP, TLS, HTTP …
    #[error("the peer does not speak AMQP 0-9-1, it began with {received:02x?}")]
    NotAmqp {
        /// Its first bytes, at most eight.
        received: Vec<u8>,
    },
    /// A value of ours does not fit the handshake, such as a virtual host of 300 letters.
    #[error("the handshake can't be sent: {0}")]
    Unsendable(EncodeError),
    /// The server does not offer the mechanism of our [`Login`](super::Login).
    #[error("the server offers no login by {wanted}, only {offered:?}")]
    MechanismNotOffered {
        /// What we wanted.
        wanted: &'static str,
        /// What it offers, blank-separated.
        offered: String,
    },
}

/// Why a channel is over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelCloseReason {
    /// We asked for it.
    #[error("closed by us")]
    Local,
    /// The peer closed it: 404 for something that does not exist, 406 for a declaration that does
    /// not match …
    #[error("closed by the peer: {0}")]
    Peer(PeerClose),
    /// The peer broke a rule of the channel and was told so.
    #[error("the peer broke the protocol: {0}")]
    Misbehaved(Violation),
    /// The connection went, for this reason.
    #[error("the connection is over: {0}")]
    Connection(CloseReason),
}
