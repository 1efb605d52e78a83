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
#[expect(
    clippy::struct_excessive_bools,
    reason = "one field for each boolean option"
)]
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
    /// `bergen_max_waiting_bytes`: how much calls, casts and notifications may hold that the broker has not confirmed
    /// yet, because it is away, blocks publishing, or is slow: the bodies, and 4 KiB for each message. What does not
    /// fit fails at once with [`Overloaded`](crate::driver::SendError::Overloaded); a message larger than all of it
    /// goes alone. Default 256 MiB, which is 65 536 small messages.
    pub max_waiting_bytes: usize,
    /// `bergen_max_decompressed_size`: how many bytes a received body may have when it is decompressed; a longer one is
    /// rejected and counted as undecodable. Default 128 MiB: what may come as it is may also come compressed.
    pub max_decompressed_size: usize,
    /// `bergen_cancel`: whether calls that are given up, or run out of time, are cancelled at their servers. Calls then
    /// carry a member that says so; a server of this library answers with where to send the cancel, if the call takes
    /// long, and all others ignore it. Default true.
    pub cancel_calls: bool,
    /// `bergen_republish`: what becomes of a request whose fate is unknown. Default
    /// [`Unconfirmed`](Republish::Unconfirmed), as the peer.
    pub republish: Republish,
    /// `bergen_stream_offset`: where a new server begins to read the stream of `rabbit_stream_fanout`. Default
    /// [`Next`](StreamOffset::Next); the peer begins with the last casts there are, and runs them once more after each
    /// start.
    pub stream_offset: StreamOffset,
    /// `bergen_durable_transient_queues`: reply and fanout queues are declared durable, and still expire. Nobody else
    /// declares those queues, so that peers need not agree. Together with `amqp_durable_queues` or `rabbit_quorum_queue`
    /// every queue is durable then, which RabbitMQ demands from 4.3 on. Default false, as the peer, which has quorum
    /// queues for that.
    pub durable_transient_queues: bool,
    /// `bergen_io_thread`: the connections live on one thread of the process that does nothing else, so that methods
    /// which block the runtime's threads hold up no heartbeats; each message then costs a hop between threads. The
    /// peer has `heartbeat_in_pthread` for that. Default false.
    pub io_thread: bool,
}

/// Where a server that is new to a stream begins to read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StreamOffset {
    /// With what comes from now on, as if it had a queue of its own (`next`).
    #[default]
    Next,
    /// With the last piece of what the broker has stored (`last`), as the peer: old casts run again.
    Last,
}

impl StreamOffset {
    /// As the broker writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Last => "last",
        }
    }
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
    /// The peer's behaviour on the wire: calls without the mandatory bit, no questions about silent ones, no cancels,
    /// streams from their last piece on.
    pub fn like_the_peer() -> Self {
        Self {
            mandatory_calls: false,
            no_server_grace: Duration::ZERO,
            probe_after: Duration::ZERO,
            cancel_calls: false,
            stream_offset: StreamOffset::Last,
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
            max_waiting_bytes: options.get(RABBIT_GROUP, "bergen_max_waiting_bytes")?,
            max_decompressed_size: options.get(RABBIT_GROUP, "bergen_max_decompressed_size")?,
            cancel_calls: options.get(RABBIT_GROUP, "bergen_cancel")?,
            republish: match options
                .get::<String>(RABBIT_GROUP, "bergen_republish")?
                .as_str()
            {
                "never" => Republish::Never,
                _ => Republish::Unconfirmed,
            },
            stream_offset: match options
                .get::<String>(RABBIT_GROUP, "bergen_stream_offset")?
                .as_str()
            {
                "last" => StreamOffset::Last,
                _ => StreamOffset::Next,
            },
            durable_transient_queues: options
                .get(RABBIT_GROUP, "bergen_durable_transient_queues")?,
            io_thread: options.get(RABBIT_GROUP, "bergen_io_thread")?,
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
            max_waiting_bytes: 256 * 1024 * 1024,
            max_decompressed_size: 128 << 20,
            cancel_calls: true,
            republish: Republish::default(),
            stream_offset: StreamOffset::default(),
            durable_transient_queues: false,
            io_thread: false,
        }
    }
}
