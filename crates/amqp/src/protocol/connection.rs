//! The connection: what comes in, what goes out, and time.

use std::{
    collections::VecDeque,
    hash::RandomState,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Buf, BytesMut};

use super::{
    ChannelId, ClientConfig, CloseReason, Event, Output, Phase, ServerConfig, Stats, Tuning,
    Violation,
    acks::Acks,
    channel::{Channel, Channels},
    handshake::Step,
};
use crate::codec::{FieldTable, frame::FRAME_MIN_SIZE};

/// How many bytes of answers may wait for a peer that goes on sending and does not read: some
/// 800 000 of them.
const ANSWERS_LIMIT: usize = 16 * 1024 * 1024;

/// One AMQP connection, as a client or as a server. See the [module](super) for how to drive it.
#[derive(Debug)]
pub struct Connection {
    pub(super) role: Role,
    pub(super) state: State,
    pub(super) channels: Channels,
    pub(super) output: Output,
    pub(super) events: VecDeque<Event>,
    pub(super) stats: Stats,
    pub(super) tuning: Option<Tuning>,
    /// Until the handshake is done.
    pub(super) peer_properties: FieldTable<'static>,
    pub(super) peer_takes: PeerTakes,
    pub(super) blocked: bool,
    pub(super) last_request: u64,
    /// Keys the hashes of message ids, so that nobody can aim at one.
    pub(super) hash_keys: RandomState,
    pub(super) acks: Acks,
    /// Largest frame in bytes that is taken.
    pub(super) frame_limit: usize,
    /// A body may be there in part.
    pub(super) gathers: bool,
    /// Bytes in the input that were counted before.
    leftover: usize,
    /// The input makes no sense any more.
    pub(super) deaf: bool,
    handshake_deadline: Instant,
    pub(super) last_received: Instant,
    last_sent: Instant,
}

/// Which end of the connection this is.
#[derive(Debug)]
pub(super) enum Role {
    Client(Box<ClientConfig>),
    Server(Arc<ServerConfig>),
}

/// Server: what the client said that it understands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PeerTakes {
    /// `connection.close` as the answer to bad credentials.
    pub(super) login_close: bool,
    /// `connection.blocked`.
    pub(super) blocked: bool,
}

#[derive(Debug)]
pub(super) enum State {
    Handshake(Step),
    Running,
    /// Our `connection.close` is on its way.
    Closing {
        reason: CloseReason,
        deadline: Instant,
    },
    Closed,
}

impl Connection {
    /// The client's end of a new connection. The protocol header is ready in
    /// [`output`](Self::output).
    pub fn client(config: ClientConfig, now: Instant) -> Self {
        // Unlike a stranger on our port, the broker may greet us with more than the minimum.
        let frame_limit = usize::try_from(config.frame_max).unwrap_or(usize::MAX);
        let deadline = now + config.handshake_timeout;
        let role = Role::Client(Box::new(config));
        let mut connection = Self::new(role, Step::Start, frame_limit, deadline, now);
        connection.output.protocol_header();
        connection
    }

    /// The server's end of a new connection. Connections can share one `config`.
    pub fn server(config: impl Into<Arc<ServerConfig>>, now: Instant) -> Self {
        let config = config.into();
        let frame_limit = usize::try_from(config.initial_frame_max).unwrap_or(usize::MAX);
        let deadline = now + config.handshake_timeout;
        Self::new(
            Role::Server(config),
            Step::Header,
            frame_limit,
            deadline,
            now,
        )
    }

    fn new(
        role: Role,
        step: Step,
        frame_limit: usize,
        handshake_deadline: Instant,
        now: Instant,
    ) -> Self {
        Self {
            role,
            state: State::Handshake(step),
            channels: Channels::default(),
            output: Output::new(),
            events: VecDeque::new(),
            stats: Stats::default(),
            tuning: None,
            peer_properties: FieldTable::new(),
            peer_takes: PeerTakes::default(),
            blocked: false,
            last_request: 0,
            hash_keys: RandomState::new(),
            acks: Acks::default(),
            frame_limit: frame_limit.max(FRAME_MIN_SIZE),
            gathers: false,
            leftover: 0,
            deaf: false,
            handshake_deadline,
            last_received: now,
            last_sent: now,
        }
    }

    /// Takes all whole frames out of `input`; the beginning of the next one stays there.
    ///
    /// Bodies that came in one frame share memory with `input`: deliveries from 512 bytes on, publishes, which may
    /// stay for long, from 16 KiB on.
    pub fn handle_input(&mut self, input: &mut BytesMut, now: Instant) {
        while self.handle_next(input, now) {}
    }

    /// Takes one whole frame out of `input`; whether the next may be there too.
    ///
    /// For a server that answers each frame before it looks at the next one, so that its answers leave in the order
    /// of the requests even when the client closes a channel right behind them.
    pub fn handle_next(&mut self, input: &mut BytesMut, now: Instant) -> bool {
        let fresh = input.len().saturating_sub(self.leftover);
        if fresh > 0 {
            self.stats.received.bytes += u64::try_from(fresh).unwrap_or(u64::MAX);
            self.last_received = now;
        }
        if self.deaf || self.is_closed() {
            input.clear();
        }
        let more = !input.is_empty()
            && self
                .handle_frame(input)
                .unwrap_or_else(|(violation, blamed)| {
                    self.violated(violation, blamed, now);
                    true
                });
        if more && self.is_connected() && self.output.answers() > ANSWERS_LIMIT {
            let limit = ANSWERS_LIMIT;
            self.violated(Violation::DoesNotRead { limit }, (0, 0), now);
        }
        self.leftover = input.len();
        more
    }

    /// Counts as a sign of life, for an owner that reads nothing on purpose and so would not see any.
    pub fn heard(&mut self, now: Instant) {
        self.last_received = now;
    }

    /// The peer has ended the stream.
    pub fn handle_eof(&mut self) {
        self.lost(CloseReason::Disconnected {
            phase: self.phase(),
        });
    }

    /// Reading or writing has failed.
    pub fn handle_io_error(&mut self, error: &io::Error) {
        let (kind, message) = (error.kind(), error.to_string());
        self.lost(CloseReason::Io {
            kind,
            message,
            phase: self.phase(),
        });
    }

    /// Does what is due: heartbeats and ends of patience. Harmless when nothing is.
    pub fn handle_timeout(&mut self, now: Instant) {
        match &self.state {
            State::Handshake(_) if now >= self.handshake_deadline => {
                let limit = self.handshake_timeout();
                self.lost(CloseReason::HandshakeTimedOut {
                    limit,
                    phase: self.phase(),
                });
            }
            State::Closing { deadline, reason } if now >= *deadline => {
                let reason = reason.clone();
                self.finish(reason);
            }
            State::Running => self.check_heartbeats(now),
            State::Handshake(_) | State::Closing { .. } | State::Closed => {}
        }
    }

    /// The next event; poll until `None` after every `handle_…`.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) should be called.
    ///
    /// Traffic moves this into the future, so an armed timer that fires too early costs less than
    /// one that is armed anew every turn.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Handshake(_) => Some(self.handshake_deadline),
            State::Closing { deadline, .. } => Some(*deadline),
            State::Running => {
                let heartbeat = self.tuning.and_then(|tuning| tuning.heartbeat);
                let heartbeat = heartbeat.map(|interval| {
                    (self.last_sent + interval / 2).min(self.last_received + interval * 2)
                });
                heartbeat.into_iter().chain(self.acks.latest()).min()
            }
            State::Closed => None,
        }
    }

    /// The bytes to write now, the acknowledgements of this turn included. Write, advance, and call
    /// again until nothing remains.
    pub fn output(&mut self, now: Instant) -> &mut Output {
        if self.output.is_stuck() {
            self.gather_acks();
            self.acks.hold();
        } else if self.acks.are_due(now) || self.output.len() > 0 {
            self.flush_acks();
        }
        self.output.fill();
        if self.output.has_remaining() {
            self.last_sent = now;
        }
        &mut self.output
    }

    /// Whether [`output`](Self::output) would yield anything.
    pub fn has_output(&self) -> bool {
        self.output.len() > 0 || self.acks.are_urgent()
    }

    /// Bytes that wait to be written, bodies included: the measure for holding back publishes.
    pub fn pending_output_bytes(&self) -> usize {
        self.output.len()
    }

    /// Bytes of bodies that have come in part.
    pub fn incoming_bytes(&mut self) -> usize {
        if !self.gathers {
            return 0;
        }
        let bytes = self.channels.gathered();
        self.gathers = bytes > 0;
        bytes
    }

    /// Whether [`Event::Closed`] was queued. Write what output is left, then drop the socket.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Whether the handshake is done and nobody has closed the connection.
    pub fn is_connected(&self) -> bool {
        matches!(self.state, State::Running)
    }

    /// Client: whether the broker has blocked publishing on this connection. Publishing goes on to
    /// be allowed here; what is published waits in the sockets until the broker recovers.
    pub fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// What was agreed in the handshake.
    pub fn tuning(&self) -> Option<Tuning> {
        self.tuning
    }

    /// Whether the channel can be used.
    pub fn channel_is_open(&self, channel: ChannelId) -> bool {
        self.is_connected() && self.channels.get(channel).is_some_and(Channel::is_usable)
    }

    /// What went over the connection so far.
    pub fn stats(&self) -> Stats {
        Stats {
            sent: self.output.counts(),
            ..self.stats
        }
    }

    pub(super) fn phase(&self) -> Phase {
        match &self.state {
            State::Handshake(step) => step.phase(),
            State::Running | State::Closing { .. } | State::Closed => Phase::Running,
        }
    }

    pub(super) fn start_running(&mut self, tuning: Tuning) {
        self.state = State::Running;
        let peer_properties = std::mem::take(&mut self.peer_properties);
        self.events.push_back(Event::Connected {
            peer_properties,
            tuning,
        });
    }

    pub(super) fn next_request(&mut self) -> u64 {
        self.last_request += 1;
        self.last_request
    }

    pub(super) fn max_body_size(&self) -> u64 {
        match &self.role {
            Role::Client(config) => config.max_body_size,
            Role::Server(config) => config.max_body_size,
        }
    }

    pub(super) fn close_timeout(&self) -> Duration {
        match &self.role {
            Role::Client(config) => config.close_timeout,
            Role::Server(config) => config.close_timeout,
        }
    }

    fn handshake_timeout(&self) -> Duration {
        match &self.role {
            Role::Client(config) => config.handshake_timeout,
            Role::Server(config) => config.handshake_timeout,
        }
    }

    fn check_heartbeats(&mut self, now: Instant) {
        let Some(interval) = self.tuning.and_then(|tuning| tuning.heartbeat) else {
            return;
        };
        if now >= self.last_received + interval * 2 {
            self.lost(CloseReason::HeartbeatMissed { interval });
        } else if now >= self.last_sent + interval / 2 {
            // Whatever waits for the socket is a sign of life by itself.
            if !self.has_output() {
                self.output.heartbeat();
            }
            self.last_sent = now;
        }
    }
}
