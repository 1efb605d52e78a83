//! `amq.rabbitmq.reply-to`: answers without declaring a queue.
//!
//! RabbitMQ passes them from channel to channel. Here a consumer of that name gets an exclusive queue that goes with
//! it, whose made-up name is what `reply_to` becomes on the way.

use std::sync::Arc;
use std::time::Instant;

use bergen_amqp::codec::FieldTable;
use bergen_amqp::codec::methods::{basic, queue};
use bergen_amqp::protocol::{self, Message};

use super::methods::channel_refusal;
use super::session::DirectReply;
use super::state::Scene;
use crate::core::{Consume, DeclareQueue, Refusal};

/// The name that stands for the queue.
pub(super) const DIRECT_REPLY: &str = "amq.rabbitmq.reply-to";

impl Scene<'_> {
    /// Begins to consume direct replies; the consumer's tag.
    pub(super) fn consume_direct_reply(
        &mut self,
        wire: protocol::ChannelId,
        consume: &basic::Consume<'_>,
        now: Instant,
    ) -> Result<Arc<str>, Refusal> {
        let refuse = |text: &str| {
            Err(channel_refusal(
                406,
                format!("PRECONDITION_FAILED - {text}"),
            ))
        };
        if !consume.no_ack {
            return refuse("reply consumer cannot acknowledge");
        }
        let channel = self.channel(wire)?;
        if channel.direct_reply.is_some() {
            return refuse("reply consumer already set");
        }
        let id = channel.id;
        let connection = self.client()?;
        let arguments = FieldTable::new();
        let declare = DeclareQueue {
            name: "",
            passive: false,
            durable: false,
            exclusive: true,
            auto_delete: true,
            arguments: &arguments,
        };
        let queue = self
            .host
            .core
            .declare_queue(connection, &declare, now)?
            .name;
        let consume = Consume {
            queue: &queue,
            consumer_tag: consume.consumer_tag,
            no_ack: true,
            exclusive: false,
            arguments: &arguments,
        };
        let consumer_tag = self.host.core.consume(id, &consume, now)?;
        self.channel(wire)?.direct_reply = Some(DirectReply {
            consumer_tag: Arc::clone(&consumer_tag),
            queue,
        });
        Ok(consumer_tag)
    }

    /// The consumer of direct replies ends, if it is this one.
    pub(super) fn cancel_direct_reply(&mut self, wire: protocol::ChannelId, consumer_tag: &str) {
        if let Some(channel) = self.session.channel_mut(wire)
            && let Some(direct_reply) = &channel.direct_reply
            && *direct_reply.consumer_tag == *consumer_tag
        {
            channel.direct_reply = None;
        }
    }

    /// Says in a message where its answer goes.
    pub(super) fn fill_in_reply_to(
        &mut self,
        wire: protocol::ChannelId,
        message: &mut Message,
    ) -> Result<(), Refusal> {
        if message.properties.reply_to.as_deref() != Some(DIRECT_REPLY) {
            return Ok(());
        }
        let Some(direct_reply) = &self.channel(wire)?.direct_reply else {
            let text = "PRECONDITION_FAILED - fast reply consumer does not exist";
            return Err(channel_refusal(406, text.to_owned()));
        };
        message.properties.reply_to = Some(direct_reply.queue.to_string().into());
        Ok(())
    }

    /// Answers who asks whether there are direct replies.
    pub(super) fn direct_reply_declared(&mut self, wire: protocol::ChannelId, no_wait: bool) {
        if !no_wait {
            let method = queue::DeclareOk {
                queue: DIRECT_REPLY,
                message_count: 0,
                consumer_count: 1,
            };
            self.session.send(wire, method);
        }
    }
}
