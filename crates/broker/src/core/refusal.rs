//! Commands that are not carried out.

use std::fmt;

use bergen_amqp::codec::reply_code;

/// Why a command was not carried out, as the client is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code} {text}")]
pub struct Refusal {
    /// AMQP's reply code, for example 404.
    pub code: u16,
    /// What is wrong, in RabbitMQ's words where programs are known to look for them, for example
    /// `NOT_FOUND - no queue 'a' in vhost '/'`.
    pub text: String,
    /// What ends by it.
    pub scope: Scope,
}

/// What a [`Refusal`] ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The channel.
    Channel,
    /// The whole connection.
    Connection,
}

impl Refusal {
    /// 403
    pub(super) fn access_refused(text: impl fmt::Display) -> Self {
        Self::channel(
            reply_code::ACCESS_REFUSED,
            format!("ACCESS_REFUSED - {text}"),
        )
    }

    /// 404
    pub(super) fn not_found(text: impl fmt::Display) -> Self {
        Self::channel(reply_code::NOT_FOUND, format!("NOT_FOUND - {text}"))
    }

    /// 405
    pub(super) fn resource_locked(text: impl fmt::Display) -> Self {
        Self::channel(
            reply_code::RESOURCE_LOCKED,
            format!("RESOURCE_LOCKED - {text}"),
        )
    }

    /// 406
    pub(super) fn precondition_failed(text: impl fmt::Display) -> Self {
        Self::channel(
            reply_code::PRECONDITION_FAILED,
            format!("PRECONDITION_FAILED - {text}"),
        )
    }

    /// 503
    pub(super) fn command_invalid(text: impl fmt::Display) -> Self {
        Self::connection(
            reply_code::COMMAND_INVALID,
            format!("COMMAND_INVALID - {text}"),
        )
    }

    /// 530
    pub(super) fn not_allowed(text: impl fmt::Display) -> Self {
        Self::connection(reply_code::NOT_ALLOWED, format!("NOT_ALLOWED - {text}"))
    }

    /// 540
    pub(super) fn not_implemented(text: impl fmt::Display) -> Self {
        Self::connection(
            reply_code::NOT_IMPLEMENTED,
            format!("NOT_IMPLEMENTED - {text}"),
        )
    }

    /// 541
    pub(super) fn internal_error(text: impl fmt::Display) -> Self {
        Self::connection(
            reply_code::INTERNAL_ERROR,
            format!("INTERNAL_ERROR - {text}"),
        )
    }

    fn channel(code: u16, text: String) -> Self {
        Self {
            code,
            text,
            scope: Scope::Channel,
        }
    }

    fn connection(code: u16, text: String) -> Self {
        Self {
            code,
            text,
            scope: Scope::Connection,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Channel => "channel",
            Self::Connection => "connection",
        })
    }
}
