//! From bytes to methods and messages, the same in both roles.

use bytes::{Buf, BytesMut};

use super::{
    Connection, Violation,
    channel::{Channel, ChannelState},
    connection::{Role, State},
};
use crate::codec::{
    ContentHeader, DecodeError, FrameKind, Method,
    frame::{FRAME_END, FrameStart},
    methods::MethodId,
};

impl Connection {
    /// Takes one frame; false if it is not whole. An error names the method that is to blame.
    pub(super) fn handle_frame(
        &mut self,
        input: &mut BytesMut,
    ) -> Result<bool, (Violation, MethodId)> {
        let blame = |violation: Violation| (violation, (0, 0));
        if let State::Handshake(step) = &self.state
            && step.expects_greeting()
            && let Some(progress) = self.handle_greeting(input)
        {
            return Ok(progress);
        }
        let frame = FrameStart::decode(input, self.frame_limit)
            .inspect_err(|_| self.deaf = true)
            .map_err(|error| blame(error.into()))?;
        let Some(frame) = frame else {
            return Ok(false);
        };
        let payload_end = FrameStart::SIZE + frame.payload_len;
        let Some(&end) = input.get(payload_end) else {
            return Ok(false);
        };
        if end != FRAME_END {
            self.deaf = true;
            return Err(blame(DecodeError::FrameEnd(end).into()));
        }
        let payload = input.get(FrameStart::SIZE..payload_end).unwrap_or_default();
        let channel = frame.channel;
        let received = &mut self.stats.received;
        match frame.kind {
            FrameKind::Method => {
                received.methods += 1;
                let result = match Method::decode(payload) {
                    Ok(method) => {
                        let id = method.id();
                        self.handle_method(channel, &method, payload)
                            .map_err(|violation| (violation, id))
                    }
                    Err(error) => Err(blame(error.into())),
                };
                input.advance(frame.frame_len());
                result?;
            }
            FrameKind::Header => {
                received.headers += 1;
                let result = ContentHeader::decode(payload)
                    .map_err(Violation::from)
                    .and_then(|header| self.handle_header(channel, header));
                input.advance(frame.frame_len());
                result.map_err(blame)?;
            }
            FrameKind::Body => {
                received.bodies += 1;
                self.handle_body(frame, input).map_err(blame)?;
            }
            FrameKind::Heartbeat => {
                received.heartbeats += 1;
                input.advance(frame.frame_len());
                if channel != 0 {
                    return Err(blame(DecodeError::HeartbeatChannel(channel).into()));
                }
            }
        }
        Ok(true)
    }

    fn handle_method(
        &mut self,
        number: u16,
        method: &Method<'_>,
        payload: &[u8],
    ) -> Result<(), Violation> {
        if number == 0 {
            return self.handle_connection_method(method);
        }
        if matches!(self.state, State::Closing { .. }) {
            return Ok(());
        }
        if !self.is_connected() {
            return Err(Violation::UnexpectedMethod {
                method: method.name(),
            });
        }
        if let Some(channel) = self.channels.number(number) {
            match method {
                // Only these two still count on a channel that we have closed.
                Method::ChannelClose(_) | Method::ChannelCloseOk(_) => {}
                _ if channel.state == ChannelState::Dead => return Ok(()),
                other if channel.content.is_some() => {
                    return Err(Violation::ContentInterrupted {
                        received: other.name(),
                    });
                }
                _ => {}
            }
        }
        match &self.role {
            Role::Client(_) => self.handle_server_method(number, method),
            Role::Server(_) => self.handle_client_method(number, method, payload),
        }
    }

    fn handle_header(&mut self, number: u16, header: ContentHeader<'_>) -> Result<(), Violation> {
        const RECEIVED: &str = "content header";
        let limit = self.max_body_size();
        let Some(channel) = self.content_channel(number, RECEIVED)? else {
            return Ok(());
        };
        let Some(content) = &mut channel.content else {
            return Err(Violation::ContentOutOfOrder { received: RECEIVED });
        };
        match content.header(header, limit) {
            Err(violation @ Violation::ContentTooLarge { .. }) => {
                let id = channel.id;
                self.channel_violated(id, violation);
                Ok(())
            }
            Err(violation) => Err(violation),
            Ok(()) => self.finish_content(number),
        }
    }

    fn handle_body(&mut self, frame: FrameStart, input: &mut BytesMut) -> Result<(), Violation> {
        const RECEIVED: &str = "content body";
        let result = match self.content_channel(frame.channel, RECEIVED) {
            Ok(Some(channel)) => match &mut channel.content {
                // Consumes the frame by itself, to share memory with it.
                Some(content) => {
                    if let Err(violation) = content.body(frame, input) {
                        input.advance(frame.frame_len());
                        return Err(violation);
                    }
                    return self.finish_content(frame.channel);
                }
                None => Err(Violation::ContentOutOfOrder { received: RECEIVED }),
            },
            Ok(None) => Ok(()),
            Err(violation) => Err(violation),
        };
        input.advance(frame.frame_len());
        result
    }

    /// The channel of a content frame; `None` if the frame is to be ignored.
    fn content_channel(
        &mut self,
        number: u16,
        received: &'static str,
    ) -> Result<Option<&mut Channel>, Violation> {
        match self.state {
            State::Running => {}
            State::Closing { .. } | State::Closed => return Ok(None),
            State::Handshake(_) => return Err(Violation::ContentOutOfOrder { received }),
        }
        match self.channels.number(number) {
            Some(channel) if channel.state == ChannelState::Dead => Ok(None),
            Some(channel) => Ok(Some(channel)),
            None => Err(Violation::ChannelNotOpen { channel: number }),
        }
    }

    fn finish_content(&mut self, number: u16) -> Result<(), Violation> {
        let Some(channel) = self.channels.number(number) else {
            return Ok(());
        };
        let complete = channel.content.take_if(|content| content.is_complete());
        let id = channel.id;
        self.gathers |= complete.is_none();
        match (complete, &self.role) {
            (None, _) => Ok(()),
            (Some(content), Role::Client(_)) => self.message_for_client(id, content.finish()),
            (Some(content), Role::Server(_)) => {
                self.message_for_server(id, content.finish());
                Ok(())
            }
        }
    }
}
