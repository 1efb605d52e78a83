//! What a message is sent or listened for with.

use tokio::time::Instant;

/// How a call is sent. Whether it is monitored is said by the request's own `monitor`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CallOptions {
    /// When the caller stops waiting. What remains of it travels as the message's expiration.
    pub deadline: Instant,
    /// How often connecting or publishing is tried again.
    pub retry: Retry,
    /// Fail at once with [`Undeliverable`](crate::driver::SendError::Undeliverable) if no queue takes the request,
    /// without the grace time that a call is given otherwise. Mirrors `TransportOptions(at_least_once=True)`.
    pub at_least_once: bool,
}

impl CallOptions {
    /// A call that ends at `deadline`, retried until then.
    pub fn new(deadline: Instant) -> Self {
        Self {
            deadline,
            retry: Retry::Forever,
            at_least_once: false,
        }
    }
}

/// How a cast is sent.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CastOptions {
    /// How often connecting or publishing is tried again.
    pub retry: Retry,
    /// Fail with [`Undeliverable`](crate::driver::SendError::Undeliverable) if no queue takes the message. Without
    /// effect on fanouts, as in the peer.
    pub at_least_once: bool,
    /// When the sender stops waiting for the broker's confirmation. `None`: as long as `retry` allows.
    pub deadline: Option<Instant>,
}

impl Default for CastOptions {
    fn default() -> Self {
        Self {
            retry: Retry::Forever,
            at_least_once: false,
            deadline: None,
        }
    }
}

/// How a notification is sent.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct NotifyOptions {
    /// How often connecting or publishing is tried again.
    pub retry: Retry,
    /// When the sender stops waiting for the broker's confirmation. `None`: as long as `retry` allows.
    pub deadline: Option<Instant>,
    /// Send the payload without the envelope: format 1.0, driver `messaging` of the peer. Default: format 2.0.
    pub bare: bool,
}

impl Default for NotifyOptions {
    fn default() -> Self {
        Self {
            retry: Retry::Forever,
            deadline: None,
            bare: false,
        }
    }
}

/// How a listener takes messages.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ListenOptions {
    /// How many messages of each queue may be handed over without having been acknowledged: brokers count for each
    /// consumer, of which a server has three. Never 0.
    pub prefetch: u16,
    /// The queue of a listener's pool goes with its last listener, also if that dies: for whoever wants to see what is
    /// published from now on and leave nothing behind. Default: no, it keeps what nobody has read yet, as in the peer.
    /// Without effect where there is no pool.
    pub temporary_pool: bool,
}

impl ListenOptions {
    /// Takes at most `prefetch` messages of each queue ahead; 0 counts as 1.
    pub fn new(prefetch: u16) -> Self {
        Self {
            prefetch: prefetch.max(1),
            temporary_pool: false,
        }
    }

    /// Has the queue of the pool go with its last listener; see [`temporary_pool`](Self::temporary_pool).
    #[must_use]
    pub fn with_temporary_pool(mut self) -> Self {
        self.temporary_pool = true;
        self
    }
}

/// How often a message is tried again when the broker can't be reached or loses it.
///
/// Mirrors the peer's `retry` argument: none or negative is for ever, 0 is one attempt, N is N more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Retry {
    /// Until the deadline, or without end where there is none. The default, as in the peer.
    #[default]
    Forever,
    /// This many attempts after the first; 0 is one attempt only.
    Times(u32),
}

impl Retry {
    /// Whether another attempt may follow after `attempts` have been made.
    pub fn allows(self, attempts: u32) -> bool {
        match self {
            Self::Forever => true,
            Self::Times(times) => attempts <= times,
        }
    }
}

impl From<i64> for Retry {
    /// The peer's number: negative is for ever.
    fn from(times: i64) -> Self {
        match u32::try_from(times) {
            Ok(times) => Self::Times(times),
            Err(_) if times < 0 => Self::Forever,
            Err(_) => Self::Times(u32::MAX),
        }
    }
}
