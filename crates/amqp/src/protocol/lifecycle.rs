//! The ends of connections and channels.

use std::time::Instant;

use super::{
    ChannelCloseReason, ChannelId, CloseReason, Connection, Event, Outcome, PeerClose, SendError,
    Unsettled, Violation,
    channel::{Channel, ChannelState},
    connection::State,
};
use crate::codec::{
    Method,
    methods::{MethodId, channel, connection},
    reply_code,
};

impl Connection {
    /// Closes the connection in order: what is queued goes out first, then `connection.close`.
    ///
    /// Every channel gets its [`Event::ChannelClosed`] at once; [`Event::Closed`] follows the peer's
    /// `close-ok`, the end of its stream, or `close_timeout`. Before the handshake is done there is
    /// nothing to say good-bye to: the connection is over at once. Closing twice is closing once.
    pub fn close(&mut self, code: u16, text: &str, now: Instant) {
        match self.state {
            State::Handshake(_) => self.lost(CloseReason::Local),
            State::Running => self.begin_close(CloseReason::Local, code, text, (0, 0), now),
            State::Closing { .. } | State::Closed => {}
        }
    }

    /// Server: [`close`](Self::close), blaming the method that cannot be done.
    pub fn close_for(&mut self, code: u16, text: &str, blamed: MethodId, now: Instant) {
        if self.is_connected() {
            self.begin_close(CloseReason::Local, code, text, blamed, now);
        }
    }

    /// Closes a channel in order; 200 is the code for no special reason.
    ///
    /// Client: the channel can't be used any more; answers to earlier requests and confirms are
    /// still reported, deliveries are not (the broker requeues what is unsettled), and
    /// [`Event::ChannelClosed`] follows the broker's `close-ok`. Server: it is reported at once, and
    /// what the client has under way on the channel is ignored.
    pub fn close_channel(
        &mut self,
        channel: ChannelId,
        code: u16,
        text: &str,
    ) -> Result<(), SendError> {
        self.close_channel_for(channel, code, text, (0, 0))
    }

    /// Server: [`close_channel`](Self::close_channel), blaming the method that cannot be done.
    pub fn close_channel_for(
        &mut self,
        channel: ChannelId,
        code: u16,
        text: &str,
        blamed: MethodId,
    ) -> Result<(), SendError> {
        self.usable_channel(channel)?;
        self.send_channel_close(channel, code, text, blamed);
        if self.is_client() {
            if let Some(open) = self.channels.get_mut(channel) {
                open.state = ChannelState::Closing;
            }
        } else {
            self.report_channel(channel, &ChannelCloseReason::Local);
        }
        Ok(())
    }

    /// The channel, if its owner may use it.
    pub(super) fn usable_channel(&mut self, id: ChannelId) -> Result<&mut Channel, SendError> {
        match self.state {
            State::Handshake(_) => return Err(SendError::NotConnected),
            State::Closing { .. } | State::Closed => return Err(SendError::ConnectionClosed),
            State::Running => {}
        }
        self.channels
            .get_mut(id)
            .filter(|channel| channel.is_usable())
            .ok_or(SendError::ChannelClosed)
    }

    pub(super) fn handle_channel_close(
        &mut self,
        number: u16,
        close: &channel::Close<'_>,
    ) -> Result<(), Violation> {
        let Some(open) = self.channels.number(number) else {
            return Err(Violation::ChannelNotOpen { channel: number });
        };
        let (id, state) = (open.id, open.state);
        self.output.drop_channel(number);
        self.send_quietly(number, &channel::CloseOk {}.into());
        let blamed = (close.class_id, close.method_id);
        let reason = peer_close(close.reply_code, close.reply_text, blamed);
        match state {
            ChannelState::Opening | ChannelState::Open => {
                self.report_channel(id, &ChannelCloseReason::Peer(reason));
                self.channels.remove(number);
            }
            // Both ends closed at once. Our own `close-ok` is still to come and holds the number.
            ChannelState::Closing => self.report_channel(id, &ChannelCloseReason::Peer(reason)),
            ChannelState::Dead => {}
        }
        Ok(())
    }

    pub(super) fn handle_channel_close_ok(&mut self, number: u16) -> Result<(), Violation> {
        let Some(closing) = self.channels.number(number) else {
            return Err(Violation::ChannelNotOpen { channel: number });
        };
        let (id, state) = (closing.id, closing.state);
        match state {
            ChannelState::Opening | ChannelState::Open => {
                return Err(Violation::UnexpectedMethod {
                    method: "channel.close-ok",
                });
            }
            ChannelState::Closing => self.report_channel(id, &ChannelCloseReason::Local),
            ChannelState::Dead => {}
        }
        self.channels.remove(number);
        Ok(())
    }

    /// The peer broke a rule of one channel: that one is closed.
    pub(super) fn channel_violated(&mut self, id: ChannelId, violation: Violation) {
        let (code, text) = told(&violation);
        self.send_channel_close(id, code, &text, (0, 0));
        self.report_channel(id, &ChannelCloseReason::Misbehaved(violation));
    }

    /// The peer broke the protocol: the connection is closed.
    pub(super) fn violated(&mut self, violation: Violation, blamed: MethodId, now: Instant) {
        let (code, text) = told(&violation);
        match &self.state {
            State::Handshake(_) | State::Running => {
                // Bodies that are half sent would only delay the bad news.
                self.output.drop_parked();
                self.begin_close(CloseReason::Misbehaved(violation), code, &text, blamed, now);
            }
            State::Closing { reason, .. } => {
                let reason = reason.clone();
                self.finish(reason);
            }
            State::Closed => {}
        }
    }

    /// Sends `connection.close` and waits for its answer.
    pub(super) fn begin_close(
        &mut self,
        reason: CloseReason,
        code: u16,
        text: &str,
        blamed: MethodId,
        now: Instant,
    ) {
        self.flush_acks();
        let close = connection::Close {
            reply_code: code,
            reply_text: short(text),
            class_id: blamed.0,
            method_id: blamed.1,
        };
        let sent = self.output.method_last(&close.into());
        debug_assert!(sent.is_ok(), "a close always fits");
        self.report_channels(&reason);
        self.state = State::Closing {
            reason,
            deadline: now + self.close_timeout(),
        };
    }

    /// The connection is gone without a word: nothing more can or shall be sent.
    pub(super) fn lost(&mut self, reason: CloseReason) {
        let reason = match &self.state {
            State::Closed => return,
            State::Closing { reason, .. } => reason.clone(),
            State::Handshake(_) | State::Running => reason,
        };
        self.output.clear();
        self.finish(reason);
    }

    /// The connection is over; what is ready may still be written.
    pub(super) fn finish(&mut self, reason: CloseReason) {
        self.report_channels(&reason);
        self.state = State::Closed;
        self.events.push_back(Event::Closed { reason });
    }

    pub(super) fn send_on_connection(&mut self, method: &Method<'_>) {
        self.send_quietly(0, method);
    }

    /// Sends a method without fields that could be too long.
    pub(super) fn send_quietly(&mut self, number: u16, method: &Method<'_>) {
        let sent = self.output.answer(number, method);
        debug_assert!(sent.is_ok(), "{} always fits", method.name());
    }

    fn send_channel_close(&mut self, id: ChannelId, code: u16, text: &str, blamed: MethodId) {
        self.flush_acks_of(id);
        let close = channel::Close {
            reply_code: code,
            reply_text: short(text),
            class_id: blamed.0,
            method_id: blamed.1,
        };
        self.send_quietly(id.number(), &close.into());
    }

    fn report_channels(&mut self, reason: &CloseReason) {
        for mut channel in self.channels.drain() {
            if channel.state != ChannelState::Dead {
                let reason = ChannelCloseReason::Connection(reason.clone());
                report(&mut channel, reason, &mut self.events);
            }
        }
        self.acks.reset();
    }

    /// Tells the owner that a channel is gone; its number stays taken.
    fn report_channel(&mut self, id: ChannelId, reason: &ChannelCloseReason) {
        if let Some(channel) = self.channels.get_mut(id)
            && channel.state != ChannelState::Dead
        {
            report(channel, reason.clone(), &mut self.events);
        }
    }
}

pub(super) fn peer_close(code: u16, text: &str, blamed: MethodId) -> PeerClose {
    PeerClose {
        code,
        text: text.to_owned(),
        class_id: blamed.0,
        method_id: blamed.1,
    }
}

/// What a peer is told of its mistake: `FRAME_ERROR - unknown frame type 9`.
fn told(violation: &Violation) -> (u16, String) {
    let code = violation.reply_code();
    let name = reply_code::name(code).unwrap_or("ERROR");
    (code, format!("{name} - {violation}"))
}

/// As much of `text` as a short string holds.
fn short(text: &str) -> &str {
    text.get(..text.floor_char_boundary(255))
        .unwrap_or_default()
}

fn report(
    channel: &mut Channel,
    reason: ChannelCloseReason,
    events: &mut std::collections::VecDeque<Event>,
) {
    channel.state = ChannelState::Dead;
    let id = channel.id;
    let mut unsettled: Unsettled = channel.take_unsettled();
    if let Some(confirms) = &mut channel.confirms {
        let (returned, unknown) = confirms.drain();
        // Their confirm would have said nothing new.
        events.extend(
            returned
                .into_iter()
                .map(|(tag, returned)| Event::Confirmed {
                    channel: id,
                    tag,
                    outcome: Outcome::Returned(returned),
                }),
        );
        unsettled.publishes = unknown;
    }
    events.push_back(Event::ChannelClosed {
        channel: id,
        reason,
        unsettled,
    });
}
