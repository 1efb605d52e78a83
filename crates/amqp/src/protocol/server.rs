//! The server's side of channels: its commands, and what clients say.

use bytes::Bytes;

use super::{
    ChannelId, Connection, Event, Message, MethodBytes, SendError, Violation,
    content::{Complete, Content, Head, Publication},
    output::COPY_LIMIT,
};
use crate::codec::{
    BasicProperties, Method,
    methods::{basic, channel, connection},
};

/// About the bytes of a message's frames apart from its body.
const CONTENT_OVERHEAD: usize = 256;

impl Connection {
    /// Server: sends a method without content: the answer to a request, a confirm (`basic.ack`,
    /// `basic.nack`), `basic.cancel`, `channel.flow`.
    pub fn send(&mut self, channel: ChannelId, method: &Method<'_>) -> Result<(), SendError> {
        let info = method.info();
        let own = info.id.0 == connection::CLASS_ID
            || [
                channel::OpenOk::ID,
                channel::Close::ID,
                channel::CloseOk::ID,
            ]
            .contains(&info.id);
        if own || self.is_client() || !info.sender.includes_server() || info.has_content {
            return Err(SendError::WrongMethod { method: info.name });
        }
        self.usable_channel(channel)?;
        Ok(self.output.answer(channel.number(), method)?)
    }

    /// Server: sends a message: `basic.deliver`, `basic.get-ok` or `basic.return`. All its frames
    /// are queued as one unit, or none.
    pub fn send_content(
        &mut self,
        channel: ChannelId,
        method: &Method<'_>,
        properties: &BasicProperties<'_>,
        body: Bytes,
    ) -> Result<(), SendError> {
        let info = method.info();
        if self.is_client() || !info.sender.includes_server() || !info.has_content {
            return Err(SendError::WrongMethod { method: info.name });
        }
        self.usable_channel(channel)?;
        let kept = body.len().min(COPY_LIMIT);
        self.output
            .content(channel.number(), method, properties, body)?;
        if info.id != basic::Deliver::ID {
            self.output.count_answer(kept + CONTENT_OVERHEAD);
        }
        Ok(())
    }

    /// Server: tells the client that publishing is blocked (`Some`, and why) or not any more.
    /// Clients that did not announce the capability `connection.blocked` are told nothing.
    pub fn set_blocked(&mut self, reason: Option<&str>) -> Result<(), SendError> {
        if self.is_client() || !self.peer_takes.blocked || !self.is_connected() {
            return Ok(());
        }
        let method = match reason {
            Some(reason) => connection::Blocked { reason }.into(),
            None => connection::Unblocked {}.into(),
        };
        Ok(self.output.method(0, &method)?)
    }

    pub(super) fn handle_client_method(
        &mut self,
        number: u16,
        method: &Method<'_>,
        payload: &[u8],
    ) -> Result<(), Violation> {
        if let Method::ChannelOpen(_) = method {
            return self.open_for_client(number);
        }
        let Some(channel) = self.channels.number(number) else {
            return Err(Violation::ChannelNotOpen { channel: number });
        };
        let id = channel.id;
        match method {
            Method::ChannelClose(close) => return self.handle_channel_close(number, close),
            Method::ChannelCloseOk(_) => return self.handle_channel_close_ok(number),
            Method::BasicPublish(publish) => {
                let tag = channel.next_publish;
                channel.next_publish = tag.map(|tag| tag + 1);
                channel.content = Some(Content::new(Head::Publish(Publication {
                    exchange: channel.exchange.get(publish.exchange),
                    routing_key: channel.routing_key.get(publish.routing_key),
                    mandatory: publish.mandatory,
                    immediate: publish.immediate,
                    tag,
                })));
                return Ok(());
            }
            Method::ConfirmSelect(_) => {
                channel.next_publish.get_or_insert(1);
            }
            _ => {}
        }
        let info = method.info();
        if info.id.0 == connection::CLASS_ID || !info.sender.includes_client() {
            return Err(Violation::UnexpectedMethod { method: info.name });
        }
        let method = MethodBytes::new(payload);
        self.events.push_back(Event::Method {
            channel: id,
            method,
        });
        Ok(())
    }

    /// A published message has come in whole.
    pub(super) fn message_for_server(&mut self, id: ChannelId, message: Complete) {
        let Complete {
            head: Head::Publish(publication),
            properties,
            body,
            ..
        } = message
        else {
            return;
        };
        let Publication {
            exchange,
            routing_key,
            mandatory,
            immediate,
            tag,
        } = publication;
        let body = body.unwrap_or_default();
        let message = Box::new(Message {
            exchange,
            routing_key,
            properties,
            body,
        });
        self.events.push_back(Event::Published {
            channel: id,
            tag,
            mandatory,
            immediate,
            message,
        });
    }

    fn open_for_client(&mut self, number: u16) -> Result<(), Violation> {
        let limit = self.tuning.map_or(0, |tuning| tuning.channel_max);
        if number > limit {
            return Err(Violation::ChannelMaxExceeded {
                channel: number,
                limit,
            });
        }
        let opened = self.channels.open(number);
        let id = opened.ok_or(Violation::ChannelInUse { channel: number })?;
        self.send_quietly(number, &channel::OpenOk {}.into());
        self.events.push_back(Event::ChannelOpened { channel: id });
        Ok(())
    }
}
