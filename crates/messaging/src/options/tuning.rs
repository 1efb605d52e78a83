//! What the `rabbit` driver can be told here and not in the peer.

use std::time::Duration;

use bergen_config::{OptionError, Options};

use super::RABBIT_GROUP;

/// Options of the `rabbit` driver that only this library has. They are given where the others are: in section
/// `oslo_messaging_rabbit` or in a URL's query. A URL that Python services read, too, must not carry them: those refuse
/// names that they do not know.
///
/// The defaults suit a service; [`like_the_peer`](Self::like_the_peer) is for those who compare.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RabbitTuning {
    /// `bergen_mandatory_calls`: publish calls with the mandatory bit, so that a call which ran nowhere is known as
    /// such. Default true; the peer does not, and lets such a call time out.
    pub mandatory_calls: bool,
    /// `bergen_no_server_grace`: how long a call that found no queue is published again before it fails with
    /// [`NoServer`](crate::driver::SendError::NoServer); never more than half of its deadline. Zero fails at once.
    /// Default 3 s: a server that restarts is back by then. Soon after our own connection was lost the grace is as long
    /// as a server's longest pause between attempts to connect (`rabbit_interval_max`).
    pub no_server_grace: Duration,
    /// `bergen_probe_after`: after this long without an answer the broker is asked what became of the call's queue, and
    /// again each time that the silence has doubled. Zero never asks. Default 1 s: calls that are merely slow cost at
    /// most a question a second and queue.
    pub probe_after: Duration,
    /// `bergen_listen_timeout`: how long the start of a listener may take, connecting included, before it fails.
    /// Default 30 s: long enough for a broker that restarts, short enough for whoever watches the service start. The
    /// peer tries for ever.
    pub listen_timeout: Duration,
    /// `bergen_max_waiting_calls`: how many calls may wait for replies at once; more fail at once with
    /// [`Overloaded`](crate::driver::SendError::Overloaded). Default 65 536: more than a service means to have
    /// in flight, so that only a runaway meets it.
    pub max_waiting_calls: usize,
    /// `bergen_republish`: what becomes of a request whose fate is unknown. Default
    /// [`Unconfirmed`](Republish::Unconfirmed), as the peer.
    pub republish: Republish,
}

/// What becomes of a call or cast that was lost from sight before the broker confirmed it.
///
/// Answers and notifications go out again in any case, and so does a call that came back: that one ran nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Republish {
    /// It is published again with the same ids (`unconfirmed`). The server that got the first copy drops the second;
    /// another server can't know of it.
    #[default]
    Unconfirmed,
    /// It fails with [`DeliveryFailure`](crate::driver::SendError::DeliveryFailure) (`never`): for callers who would
    /// rather look what happened than have a method run twice.
    Never,
}

impl RabbitTuning {
    /// The peer's behaviour on the wire: calls without the mandatory bit, no questions about silent ones.
    pub fn like_the_peer() -> Self {
        Self {
            mandatory_calls: false,
            no_server_grace: Duration::ZERO,
            probe_after: Duration::ZERO,
            ..Self::default()
        }
    }

    pub(super) fn of(options: &Options) -> Result<Self, OptionError> {
        let duration = |name| options.get::<Duration>(RABBIT_GROUP, name);
        Ok(Self {
            mandatory_calls: options.get(RABBIT_GROUP, "bergen_mandatory_calls")?,
            no_server_grace: duration("bergen_no_server_grace")?,
            probe_after: duration("bergen_probe_after")?,
            listen_timeout: duration("bergen_listen_timeout")?,
            max_waiting_calls: options.get(RABBIT_GROUP, "bergen_max_waiting_calls")?,
            republish: match options
                .get::<String>(RABBIT_GROUP, "bergen_republish")?
                .as_str()
            {
                "never" => Republish::Never,
                _ => Republish::Unconfirmed,
            },
        })
    }
}

impl Default for RabbitTuning {
    fn default() -> Self {
        Self {
            mandatory_calls: true,
            no_server_grace: Duration::from_secs(3),
            probe_after: Duration::from_secs(1),
            listen_timeout: Duration::from_secs(30),
            max_waiting_calls: 65_536,
            republish: Republish::default(),
        }
    }
}
