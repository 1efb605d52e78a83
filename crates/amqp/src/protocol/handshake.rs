//! From the first byte to `connection.open-ok`, in both roles.

use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};

use super::{
    ClientConfig, CloseReason, Connection, Event, Login, Phase, ServerConfig, Tuning, Violation,
    config::capabilities,
    connection::{PeerTakes, Role, State},
    lifecycle::peer_close,
};
use crate::codec::{
    FieldTable, FieldValue, FrameKind, Method,
    frame::{FRAME_MIN_SIZE, PROTOCOL_HEADER, decode_protocol_header},
    methods::{Secret, connection},
};

/// What is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Client: `start`.
    Start,
    /// Client: `tune`.
    Tune,
    /// Client: `open-ok`.
    OpenOk,
    /// Server: the protocol header.
    Header,
    /// Server: `start-ok`.
    StartOk,
    /// Server: its owner's word on the credentials.
    LoginDecision,
    /// Server: `tune-ok`.
    TuneOk,
    /// Server: `open`.
    Open,
    /// Server: its owner's word on the virtual host.
    OpenDecision,
}

impl Step {
    pub(super) fn phase(self) -> Phase {
        match self {
            Self::Start | Self::Header | Self::StartOk => Phase::Greeting,
            Self::Tune | Self::LoginDecision => Phase::Login,
            Self::OpenOk | Self::TuneOk | Self::Open | Self::OpenDecision => Phase::Open,
        }
    }

    /// Whether the next bytes may be those of some other protocol.
    pub(super) fn expects_greeting(self) -> bool {
        matches!(self, Self::Start | Self::Header)
    }
}

impl Connection {
    /// Server: yes to [`Event::LoginRequested`] or [`Event::OpenRequested`]. Nothing happens when
    /// neither is open.
    pub fn accept(&mut self) {
        let Role::Server(config) = &self.role else {
            return;
        };
        let (step, method) = match self.state {
            State::Handshake(Step::LoginDecision) => (Step::TuneOk, offer(config).into()),
            State::Handshake(Step::OpenDecision) => (Step::Open, connection::OpenOk {}.into()),
            _ => return,
        };
        if self.send_in_handshake(&method, step)
            && step == Step::Open
            && let Some(tuning) = self.tuning
        {
            self.start_running(tuning);
        }
    }

    /// Server: no to [`Event::LoginRequested`] (403) or [`Event::OpenRequested`] (530). Nothing
    /// happens when neither is open.
    ///
    /// A client without the capability `authentication_failure_close` learns of bad credentials by
    /// the end of the stream, as from RabbitMQ.
    pub fn refuse(&mut self, code: u16, text: &str, now: Instant) {
        let reason = CloseReason::Refused {
            code,
            text: text.to_owned(),
        };
        match self.state {
            State::Handshake(Step::LoginDecision) if !self.peer_takes.login_close => {
                self.lost(reason);
            }
            State::Handshake(Step::LoginDecision) => {
                self.begin_close(reason, code, text, (0, 0), now);
            }
            State::Handshake(Step::OpenDecision) => {
                self.begin_close(reason, code, text, connection::Open::ID, now);
            }
            _ => {}
        }
    }

    /// Looks at the very first bytes. `None`: go on with frames; otherwise whether to go on at all.
    pub(super) fn handle_greeting(&mut self, input: &mut BytesMut) -> Option<bool> {
        let from_client = matches!(self.role, Role::Server(_));
        if !from_client && input.first() == Some(&(FrameKind::Method as u8)) {
            return None;
        }
        let prefix = PROTOCOL_HEADER
            .get(..input.len().min(4))
            .unwrap_or_default();
        if input.len() < PROTOCOL_HEADER.len() && (from_client || input.starts_with(prefix)) {
            return Some(false);
        }
        if from_client && decode_protocol_header(input).is_ok() {
            input.advance(PROTOCOL_HEADER.len());
            self.send_start();
            return Some(true);
        }
        let received = input.iter().copied().take(PROTOCOL_HEADER.len()).collect();
        self.lost(CloseReason::NotAmqp { received });
        if from_client {
            // The answer that the specification demands: what we would have understood.
            self.output.protocol_header();
        }
        Some(false)
    }

    /// A method on channel 0, at any time.
    pub(super) fn handle_connection_method(
        &mut self,
        method: &Method<'_>,
    ) -> Result<(), Violation> {
        use connection::CloseOk;
        match (method, &self.state) {
            (Method::ConnectionClose(_), State::Closing { reason, .. }) => {
                // Both ends closed at once. What we said first stands.
                let reason = reason.clone();
                self.output.drop_parked();
                self.send_on_connection(&CloseOk {}.into());
                self.finish(reason);
            }
            (Method::ConnectionClose(close), _) => {
                let close = peer_close(
                    close.reply_code,
                    close.reply_text,
                    (close.class_id, close.method_id),
                );
                let phase = self.phase();
                self.output.drop_parked();
                self.send_on_connection(&CloseOk {}.into());
                self.finish(CloseReason::Peer { close, phase });
            }
            (Method::ConnectionCloseOk(_), State::Closing { reason, .. }) => {
                let reason = reason.clone();
                self.finish(reason);
            }
            (_, State::Closing { .. }) => {}
            (Method::ConnectionBlocked(blocked), State::Running) if self.is_client() => {
                self.blocked = true;
                self.events.push_back(Event::Blocked {
                    reason: blocked.reason.to_owned(),
                });
            }
            (Method::ConnectionUnblocked(_), State::Running) if self.is_client() => {
                self.blocked = false;
                self.events.push_back(Event::Unblocked);
            }
            (_, &State::Handshake(step)) => return self.handle_handshake(step, method),
            _ => {
                return Err(Violation::UnexpectedMethod {
                    method: method.name(),
                });
            }
        }
        Ok(())
    }

    pub(super) fn is_client(&self) -> bool {
        matches!(self.role, Role::Client(_))
    }

    fn handle_handshake(&mut self, step: Step, method: &Method<'_>) -> Result<(), Violation> {
        match (step, method, &self.role) {
            (Step::Start, Method::ConnectionStart(start), Role::Client(config)) => {
                let wanted = config.login.mechanism();
                let offered = String::from_utf8_lossy(start.mechanisms).into_owned();
                self.peer_properties = start.server_properties.clone().into_owned();
                if offered.split_ascii_whitespace().any(|name| name == wanted) {
                    self.send_start_ok();
                } else {
                    let reason = CloseReason::MechanismNotOffered { wanted, offered };
                    // Before login only the end of the stream is understood.
                    self.lost(reason);
                }
            }
            (Step::Tune, Method::ConnectionTune(tune), Role::Client(config)) => {
                let tuning = agree(config, tune);
                let virtual_host = config.virtual_host.clone();
                self.apply(tuning);
                let answer = connection::TuneOk {
                    channel_max: tuning.channel_max,
                    frame_max: tuning.frame_max,
                    heartbeat: tuning.heartbeat.map_or(0, whole_seconds),
                };
                let open = connection::Open {
                    virtual_host: &virtual_host,
                };
                if self.send_in_handshake(&answer.into(), Step::OpenOk) {
                    self.send_in_handshake(&open.into(), Step::OpenOk);
                }
            }
            (Step::OpenOk, Method::ConnectionOpenOk(_), Role::Client(_)) => {
                if let Some(tuning) = self.tuning {
                    self.start_running(tuning);
                }
            }
            (Step::StartOk, Method::ConnectionStartOk(start_ok), Role::Server(config)) => {
                let Secret(response) = start_ok.response;
                let offered = config
                    .mechanisms
                    .iter()
                    .any(|name| name == start_ok.mechanism);
                let login = Login::from_response(start_ok.mechanism, response);
                let client_properties = start_ok.client_properties.clone().into_owned();
                self.peer_takes = PeerTakes {
                    login_close: has_capability(&client_properties, "authentication_failure_close"),
                    blocked: has_capability(&client_properties, "connection.blocked"),
                };
                self.peer_properties = client_properties.clone();
                let Some(login) = login.filter(|_| offered) else {
                    let mechanism = start_ok.mechanism.to_owned();
                    return Err(Violation::BadLogin { mechanism });
                };
                self.state = State::Handshake(Step::LoginDecision);
                self.events.push_back(Event::LoginRequested {
                    login,
                    client_properties,
                });
            }
            (Step::TuneOk, Method::ConnectionTuneOk(tune_ok), Role::Server(config)) => {
                let tuning = check(config, tune_ok)?;
                self.apply(tuning);
                self.state = State::Handshake(Step::Open);
            }
            (Step::Open, Method::ConnectionOpen(open), Role::Server(_)) => {
                self.state = State::Handshake(Step::OpenDecision);
                let virtual_host = open.virtual_host.to_owned();
                self.events.push_back(Event::OpenRequested { virtual_host });
            }
            _ => {
                return Err(Violation::UnexpectedMethod {
                    method: method.name(),
                });
            }
        }
        Ok(())
    }

    fn send_start(&mut self) {
        let Role::Server(config) = &self.role else {
            return;
        };
        let mut capabilities = capabilities();
        for &name in &config.capabilities {
            capabilities.insert(name, FieldValue::Bool(true));
        }
        let properties = config
            .server_properties
            .clone()
            .with("capabilities", FieldValue::Table(capabilities));
        let mechanisms = config.mechanisms.join(" ");
        let start = connection::Start {
            version_major: 0,
            version_minor: 9,
            server_properties: properties,
            mechanisms: mechanisms.as_bytes(),
            locales: b"en_US",
        };
        self.send_in_handshake(&start.into(), Step::StartOk);
    }

    fn send_start_ok(&mut self) {
        let Role::Client(config) = &self.role else {
            return;
        };
        let properties = config
            .client_properties
            .clone()
            .with("capabilities", FieldValue::Table(capabilities()));
        let (mechanism, response) = (config.login.mechanism(), config.login.response());
        let start_ok = connection::StartOk {
            client_properties: properties,
            mechanism,
            response: Secret(&response),
            locale: "en_US",
        };
        self.send_in_handshake(&start_ok.into(), Step::Tune);
    }

    /// Sends and goes on to `next`; false if our own values do not fit, which ends the connection.
    fn send_in_handshake(&mut self, method: &Method<'_>, next: Step) -> bool {
        match self.output.method(0, method) {
            Ok(()) => {
                self.state = State::Handshake(next);
                true
            }
            Err(error) => {
                self.lost(CloseReason::Unsendable(error));
                false
            }
        }
    }

    fn apply(&mut self, tuning: Tuning) {
        let frame_max = usize::try_from(tuning.frame_max).unwrap_or(usize::MAX);
        self.output.set_frame_max(frame_max);
        self.frame_limit = frame_max;
        self.tuning = Some(tuning);
    }
}

/// Client: what we take of the server's offer, where 0 means no limit.
fn agree(config: &ClientConfig, tune: &connection::Tune) -> Tuning {
    let floor = frame_floor();
    let (wanted, offered) = (config.heartbeat, Duration::from_secs(tune.heartbeat.into()));
    let heartbeat = match (wanted.is_zero(), offered.is_zero()) {
        (true, _) => None,
        (false, true) => Some(wanted),
        (false, false) => Some(wanted.min(offered)),
    };
    Tuning {
        channel_max: smaller(config.channel_max.into(), tune.channel_max.into())
            .try_into()
            .unwrap_or(u16::MAX),
        frame_max: smaller(config.frame_max.max(floor), tune.frame_max).max(floor),
        // As it stands on the wire.
        heartbeat: heartbeat.map(|interval| Duration::from_secs(whole_seconds(interval).into())),
    }
}

/// Server: what we offer.
fn offer(config: &ServerConfig) -> connection::Tune {
    connection::Tune {
        channel_max: config.channel_max,
        frame_max: config.frame_max.max(frame_floor()),
        heartbeat: whole_seconds(config.heartbeat),
    }
}

/// Server: whether the client keeps within our offer.
fn check(config: &ServerConfig, tune_ok: &connection::TuneOk) -> Result<Tuning, Violation> {
    let offer = offer(config);
    let bad = |parameter, value, offered| Violation::BadTuning {
        parameter,
        value,
        offered,
    };
    let frame_max = smaller(offer.frame_max, tune_ok.frame_max);
    if tune_ok.frame_max > offer.frame_max || frame_max < frame_floor() {
        return Err(bad("frame_max", tune_ok.frame_max, offer.frame_max));
    }
    if offer.channel_max != 0 && tune_ok.channel_max > offer.channel_max {
        let (value, offered) = (tune_ok.channel_max.into(), offer.channel_max.into());
        return Err(bad("channel_max", value, offered));
    }
    let channel_max = smaller(offer.channel_max.into(), tune_ok.channel_max.into());
    let heartbeat = (tune_ok.heartbeat > 0).then(|| Duration::from_secs(tune_ok.heartbeat.into()));
    Ok(Tuning {
        channel_max: channel_max.try_into().unwrap_or(u16::MAX),
        frame_max,
        heartbeat,
    })
}

/// The smaller limit, where 0 is none. If neither side has one, the wire's own is left.
fn smaller(ours: u32, theirs: u32) -> u32 {
    match (ours, theirs) {
        (0, 0) => u32::MAX,
        (0, limit) | (limit, 0) => limit,
        (ours, theirs) => ours.min(theirs),
    }
}

fn frame_floor() -> u32 {
    u32::try_from(FRAME_MIN_SIZE).unwrap_or(u32::MAX)
}

fn whole_seconds(interval: Duration) -> u16 {
    let seconds = interval.as_secs() + u64::from(interval.subsec_nanos() > 0);
    u16::try_from(seconds).unwrap_or(u16::MAX)
}

fn has_capability(properties: &FieldTable<'_>, name: &str) -> bool {
    properties
        .get("capabilities")
        .and_then(FieldValue::as_table)
        .and_then(|capabilities| capabilities.get(name))
        .and_then(FieldValue::as_bool)
        == Some(true)
}
