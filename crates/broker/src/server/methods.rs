//! What clients ask for, by method.

use std::sync::Arc;
use std::time::Instant;

use bergen_amqp::codec::Method;
use bergen_amqp::codec::methods::{access, basic, channel, confirm};
use bergen_amqp::protocol;

use super::confirms::Confirms;
use super::session::Channel;
use super::state::{Scene, State};
use super::transaction::{Step, Transaction};
use crate::core::{Refusal, Scope};

impl State {
    /// Does what a client asks for on a channel.
    pub(super) fn method(
        &mut self,
        key: usize,
        wire: protocol::ChannelId,
        method: &Method<'_>,
        now: Instant,
    ) {
        let Some(mut scene) = self.scene(key) else {
            return;
        };
        if scene.session.channel(wire).is_none() {
            return;
        }
        let host = scene.session.membership.map(|membership| membership.host);
        let done = scene.carry_out(wire, method, now);
        let commit = matches!(method, Method::TxCommit(_)) && done.is_ok();
        if let Err(refusal) = done {
            self.refuse(key, wire, &refusal, method.id(), now);
        }
        if let Some(host) = host {
            self.effects(host, now);
        }
        if commit {
            self.commit(key, wire, now);
        }
    }
}

impl Scene<'_> {
    fn carry_out(
        &mut self,
        wire: protocol::ChannelId,
        method: &Method<'_>,
        now: Instant,
    ) -> Result<(), Refusal> {
        match method {
            Method::BasicAck(ack) => {
                let (delivery_tag, multiple) = (ack.delivery_tag, ack.multiple);
                let step = Step::Ack {
                    delivery_tag,
                    multiple,
                };
                self.settle(wire, step, now)
            }
            Method::BasicNack(nack) => {
                let step = Step::Nack {
                    delivery_tag: nack.delivery_tag,
                    multiple: nack.multiple,
                    requeue: nack.requeue,
                };
                self.settle(wire, step, now)
            }
            Method::BasicReject(reject) => {
                let step = Step::Nack {
                    delivery_tag: reject.delivery_tag,
                    multiple: false,
                    requeue: reject.requeue,
                };
                self.settle(wire, step, now)
            }
            Method::ExchangeDeclare(declare) => self.exchange_declare(wire, declare),
            Method::ExchangeDelete(delete) => self.exchange_delete(wire, delete, now),
            Method::ExchangeBind(bind) => self.exchange_bind(wire, bind),
            Method::ExchangeUnbind(unbind) => self.exchange_unbind(wire, unbind),
            Method::QueueDeclare(declare) => self.queue_declare(wire, declare, now),
            Method::QueueBind(bind) => self.queue_bind(wire, bind),
            Method::QueueUnbind(unbind) => self.queue_unbind(wire, unbind),
            Method::QueuePurge(purge) => self.queue_purge(wire, purge, now),
            Method::QueueDelete(delete) => self.queue_delete(wire, delete, now),
            Method::BasicQos(qos) => self.basic_qos(wire, qos, now),
            Method::BasicConsume(consume) => self.basic_consume(wire, consume, now),
            Method::BasicCancel(cancel) => {
                self.basic_cancel(wire, cancel, now);
                Ok(())
            }
            Method::BasicGet(get) => self.basic_get(wire, get, now),
            Method::BasicRecover(recover) => {
                let id = self.channel(wire)?.id;
                self.host.core.recover(id, recover.requeue, now)?;
                self.session.send(wire, basic::RecoverOk {});
                Ok(())
            }
            Method::BasicRecoverAsync(recover) => {
                let id = self.channel(wire)?.id;
                self.host.core.recover(id, recover.requeue, now)
            }
            Method::ConfirmSelect(select) => self.confirm_select(wire, select.no_wait),
            Method::TxSelect(_) => self.tx_select(wire),
            Method::TxCommit(_) => self.transaction(wire).map(drop),
            Method::TxRollback(_) => {
                self.transaction(wire)?.clear();
                let method = bergen_amqp::codec::methods::tx::RollbackOk {};
                self.session.send(wire, method);
                Ok(())
            }
            Method::ChannelFlow(flow) => {
                let id = self.channel(wire)?.id;
                self.host.core.set_flow(id, flow.active, now);
                let active = flow.active;
                self.session.send(wire, channel::FlowOk { active });
                Ok(())
            }
            Method::AccessRequest(_) => {
                self.session.send(wire, access::RequestOk { ticket: 1 });
                Ok(())
            }
            // Answers to what we said, of which nobody waits for any.
            Method::ChannelFlowOk(_) | Method::BasicCancelOk(_) => Ok(()),
            other => Err(connection_refusal(
                503,
                format!("COMMAND_INVALID - {} does not belong here", other.name()),
            )),
        }
    }

    /// The channel, which was there a moment ago.
    pub(super) fn channel(&mut self, wire: protocol::ChannelId) -> Result<&mut Channel, Refusal> {
        self.session
            .channel_mut(wire)
            .ok_or_else(|| channel_refusal(504, "CHANNEL_ERROR - the channel is closed".to_owned()))
    }

    /// The queue that is meant: an empty name is the one declared last on this channel.
    pub(super) fn queue_name<'a>(
        &mut self,
        wire: protocol::ChannelId,
        name: &'a str,
    ) -> Result<std::borrow::Cow<'a, str>, Refusal> {
        if !name.is_empty() {
            return Ok(name.into());
        }
        let last = &self.channel(wire)?.last_queue;
        if last.is_empty() {
            let text = "NOT_FOUND - no previously declared queue";
            return Err(channel_refusal(404, text.to_owned()));
        }
        Ok(String::from(&**last).into())
    }

    /// Whether the client may: 403 if not.
    pub(super) fn rights(&self) -> Result<&super::access::Rights, Refusal> {
        self.session.rights.as_ref().ok_or_else(|| {
            connection_refusal(503, "COMMAND_INVALID - no virtual host is open".to_owned())
        })
    }

    fn settle(
        &mut self,
        wire: protocol::ChannelId,
        step: Step,
        now: Instant,
    ) -> Result<(), Refusal> {
        let limit = self.limits.transaction_size;
        let channel = self.channel(wire)?;
        if let Some(transaction) = &mut channel.transaction {
            return bounded(transaction.add(step), limit);
        }
        let id = channel.id;
        match step {
            Step::Ack {
                delivery_tag,
                multiple,
            } => {
                channel.counts.acknowledged += 1;
                self.host.counts.acknowledged += 1;
                self.totals.acknowledged += 1;
                self.host.core.ack(id, delivery_tag, multiple, now)
            }
            Step::Nack {
                delivery_tag,
                multiple,
                requeue,
            } => self
                .host
                .core
                .nack(id, delivery_tag, multiple, requeue, now),
            Step::Publish { .. } => Ok(()),
        }
    }

    fn confirm_select(&mut self, wire: protocol::ChannelId, no_wait: bool) -> Result<(), Refusal> {
        let channel = self.channel(wire)?;
        if channel.transaction.is_some() {
            let text = "PRECONDITION_FAILED - cannot switch from tx to confirm mode";
            return Err(channel_refusal(406, text.to_owned()));
        }
        channel.confirms.get_or_insert_with(Confirms::new);
        if !no_wait {
            self.session.send(wire, confirm::SelectOk {});
        }
        Ok(())
    }

    fn tx_select(&mut self, wire: protocol::ChannelId) -> Result<(), Refusal> {
        let channel = self.channel(wire)?;
        if channel.confirms.is_some() {
            let text = "PRECONDITION_FAILED - cannot switch from confirm to tx mode";
            return Err(channel_refusal(406, text.to_owned()));
        }
        channel.transaction.get_or_insert_default();
        let method = bergen_amqp::codec::methods::tx::SelectOk {};
        self.session.send(wire, method);
        Ok(())
    }

    pub(super) fn transaction(
        &mut self,
        wire: protocol::ChannelId,
    ) -> Result<&mut Transaction, Refusal> {
        self.channel(wire)?.transaction.as_mut().ok_or_else(|| {
            let text = "PRECONDITION_FAILED - channel is not transactional";
            channel_refusal(406, text.to_owned())
        })
    }
}

/// Refuses a transaction that holds too much.
pub(super) fn bounded(size: usize, limit: usize) -> Result<(), Refusal> {
    if size <= limit {
        return Ok(());
    }
    Err(channel_refusal(
        506,
        format!("RESOURCE_ERROR - a transaction holds more than {limit} bytes, commit it earlier"),
    ))
}

pub(super) fn channel_refusal(code: u16, text: String) -> Refusal {
    Refusal {
        code,
        text,
        scope: Scope::Channel,
    }
}

pub(super) fn connection_refusal(code: u16, text: String) -> Refusal {
    Refusal {
        code,
        text,
        scope: Scope::Connection,
    }
}

/// Notes the queue that an empty name means from now on.
pub(super) fn remember(channel: &mut Channel, queue: &Arc<str>) {
    channel.last_queue = Arc::clone(queue);
}
