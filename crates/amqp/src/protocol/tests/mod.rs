//! The protocol as two peers in memory, under virtual time.

mod abandoned;
mod acks;
mod closing;
mod confirms;
mod content;
mod handshake;
mod heartbeats;
mod hostile;
mod logins;
mod overtaking;
mod pair;
mod random;
mod requests;
mod serving;
mod stuck;

use crate::{
    codec::{BasicProperties, Method, methods::queue},
    protocol::{ChannelId, Publish},
};

/// A publish to the default exchange.
fn publish<'a>(
    routing_key: &'a str,
    properties: &'a BasicProperties<'a>,
    body: impl Into<bytes::Bytes>,
) -> Publish<'a> {
    Publish {
        exchange: "",
        routing_key,
        mandatory: false,
        properties,
        body: body.into(),
    }
}

fn mandatory<'a>(routing_key: &'a str, properties: &'a BasicProperties<'a>) -> Publish<'a> {
    Publish {
        mandatory: true,
        ..publish(routing_key, properties, "x")
    }
}

fn with_id(message_id: &str) -> BasicProperties<'static> {
    BasicProperties {
        message_id: Some(message_id.to_owned().into()),
        ..Default::default()
    }
}

fn declare(queue: &str) -> Method<'_> {
    queue::Declare {
        queue,
        ..Default::default()
    }
    .into()
}

fn numbers(channels: &[ChannelId]) -> Vec<u16> {
    channels.iter().map(|channel| channel.number()).collect()
}
