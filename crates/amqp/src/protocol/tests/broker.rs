//! As much of a broker as the random runs need: one queue a channel, and an honest account.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::pair::Peer;
use crate::{
    codec::{
        BasicProperties, Method,
        methods::{basic, confirm, queue},
    },
    protocol::{ChannelId, Event, SendError},
};

/// What the broker knows of one channel.
#[derive(Debug)]
struct Account {
    channel: ChannelId,
    next_delivery: u64,
    unacked: BTreeSet<u64>,
    /// Publishes that wait for their confirm.
    unconfirmed: Vec<u64>,
    consumes: bool,
}

#[derive(Debug, Default)]
pub(super) struct Broker {
    accounts: Vec<Account>,
    quiet: bool,
}

impl Broker {
    /// Answers what has come, now or later, and checks that the client may say it.
    pub(super) fn serve(&mut self, server: &mut Peer, rng: &mut fastrand::Rng) {
        for event in server.take_events() {
            match event {
                Event::ChannelOpened { channel } => self.accounts.push(Account {
                    channel,
                    next_delivery: 1,
                    unacked: BTreeSet::new(),
                    unconfirmed: Vec::new(),
                    consumes: false,
                }),
                Event::ChannelClosed { channel, .. } => {
                    self.accounts.retain(|account| account.channel != channel);
                }
                Event::Method { channel, method } => {
                    if let Some(account) = self.account(channel) {
                        account.method(&method.decode().unwrap(), server);
                    }
                }
                Event::Published {
                    channel,
                    tag,
                    mandatory,
                    message,
                    ..
                } => {
                    assert_eq!(message.body.len().to_string(), *message.routing_key);
                    assert!(message.body == vec![7; message.body.len()]);
                    let id = message.properties.message_id.clone().unwrap_or_default();
                    if mandatory && id.ends_with("lost") {
                        let method = basic::Return {
                            reply_code: 312,
                            ..Default::default()
                        };
                        send(
                            server,
                            channel,
                            &method.into(),
                            &message.properties,
                            message.body,
                        );
                    }
                    if let Some(account) = self.account(channel) {
                        account.unconfirmed.extend(tag);
                    }
                }
                Event::Closed { .. } => {}
                other => panic!("unexpected {other:?}"),
            }
        }
        for account in &mut self.accounts {
            account.confirm(server, rng);
            if account.consumes && rng.bool() && !self.quiet {
                account.deliver(server, rng);
            }
        }
    }

    /// Delivers nothing any more.
    pub(super) fn hush(&mut self) {
        self.quiet = true;
    }

    /// Deliveries that nobody has settled.
    pub(super) fn unacked(&self) -> usize {
        self.accounts
            .iter()
            .map(|account| account.unacked.len())
            .sum()
    }

    /// Closes some channel.
    pub(super) fn close_one(&mut self, server: &mut Peer, rng: &mut fastrand::Rng) {
        if !self.accounts.is_empty() {
            let account = self.accounts.swap_remove(rng.usize(..self.accounts.len()));
            server
                .connection
                .close_channel(account.channel, 404, "NOT_FOUND")
                .unwrap();
        }
    }

    /// `None` for what came before we closed the channel.
    fn account(&mut self, channel: ChannelId) -> Option<&mut Account> {
        self.accounts
            .iter_mut()
            .find(|account| account.channel == channel)
    }
}

impl Account {
    fn method(&mut self, method: &Method<'_>, server: &mut Peer) {
        let answer: Method<'_> = match method {
            Method::QueueDeclare(declare) => queue::DeclareOk {
                queue: declare.queue,
                ..Default::default()
            }
            .into(),
            Method::ConfirmSelect(_) => confirm::SelectOk {}.into(),
            Method::BasicConsume(consume) => {
                self.consumes = true;
                basic::ConsumeOk {
                    consumer_tag: consume.consumer_tag,
                }
                .into()
            }
            Method::BasicAck(ack) => return self.settle(ack.delivery_tag, ack.multiple),
            Method::BasicNack(nack) => return self.settle(nack.delivery_tag, nack.multiple),
            Method::BasicReject(reject) => return self.settle(reject.delivery_tag, false),
            other => panic!("unexpected {}", other.name()),
        };
        check(&server.connection.send(self.channel, &answer));
    }

    /// As RabbitMQ: settling what is not unacknowledged is an error of the client.
    fn settle(&mut self, tag: u64, multiple: bool) {
        assert!(self.unacked.remove(&tag), "406 unknown delivery tag {tag}");
        if multiple {
            self.unacked = self.unacked.split_off(&tag);
        }
    }

    fn confirm(&mut self, server: &mut Peer, rng: &mut fastrand::Rng) {
        while !self.unconfirmed.is_empty() && rng.bool() {
            let at = rng.usize(..self.unconfirmed.len());
            let multiple = rng.bool();
            let delivery_tag = self.unconfirmed[at];
            let ack = basic::Ack {
                delivery_tag,
                multiple,
            };
            check(&server.connection.send(self.channel, &ack.into()));
            if multiple {
                self.unconfirmed.retain(|tag| *tag > delivery_tag);
            } else {
                self.unconfirmed.remove(at);
            }
        }
    }

    fn deliver(&mut self, server: &mut Peer, rng: &mut fastrand::Rng) {
        let size = [0, 5, 600, 5000, 20_000][rng.usize(..5)];
        let delivery_tag = self.next_delivery;
        self.next_delivery += 1;
        self.unacked.insert(delivery_tag);
        let method = basic::Deliver {
            consumer_tag: "c",
            delivery_tag,
            ..Default::default()
        };
        let properties = BasicProperties::default();
        send(
            server,
            self.channel,
            &method.into(),
            &properties,
            vec![9; size].into(),
        );
    }
}

fn send(
    server: &mut Peer,
    channel: ChannelId,
    method: &Method<'_>,
    properties: &BasicProperties<'_>,
    body: Bytes,
) {
    check(
        &server
            .connection
            .send_content(channel, method, properties, body),
    );
}

/// The client may have closed the channel meanwhile; nothing else may go wrong.
fn check(sent: &Result<(), SendError>) {
    assert!(
        matches!(sent, Ok(()) | Err(SendError::ChannelClosed)),
        "{sent:?}"
    );
}
