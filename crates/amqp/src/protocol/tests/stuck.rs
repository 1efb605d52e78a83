//! A peer that sends and does not read.

use std::time::Duration;

use bytes::Buf;

use super::{pair::Pair, publish};
use crate::{
    codec::{BasicProperties, Method, methods::basic},
    protocol::{ChannelId, CloseReason, Event, Violation},
};

/// A client with a consumer `c`, and more on its way than is brought forward at once.
fn stuck() -> (Pair, ChannelId, ChannelId) {
    let mut pair = Pair::connected();
    pair.cut_frames = false;
    let (client, server) = pair.open_consuming();
    let properties = BasicProperties::default();
    for _ in 0..30 {
        let publish = publish("q", &properties, vec![7; 4000]);
        pair.client.connection.publish(client, &publish).unwrap();
    }
    (pair, client, server)
}

/// Lets the server's output reach the client, and the client try to write.
fn to_client(pair: &mut Pair) -> Vec<Event> {
    let bytes = pair.server.take_output(pair.now);
    pair.client.inject(&bytes, pair.now);
    pair.client.connection.output(pair.now);
    pair.client.take_events()
}

/// What the client has said to the server at last, publishes aside.
fn acks(pair: &mut Pair) -> Vec<(u64, bool)> {
    pair.drive();
    let events = pair.server.take_events().into_iter();
    events
        .filter_map(|event| match event {
            Event::Method { method, .. } => match method.decode().unwrap() {
                Method::BasicAck(ack) => Some((ack.delivery_tag, ack.multiple)),
                other => panic!("{}", other.name()),
            },
            _ => None,
        })
        .collect()
}

#[test]
fn acknowledgements_do_not_pile_up() {
    let (mut pair, client, server) = stuck();
    let before = pair.client.connection.pending_output_bytes();
    for tag in 1..=20_000 {
        pair.deliver(server, tag, b"x");
        to_client(&mut pair);
        pair.client.connection.ack(client, tag, false).unwrap();
    }
    assert!(pair.client.connection.has_output());
    assert_eq!(pair.client.connection.pending_output_bytes(), before);
    assert_eq!(acks(&mut pair), [(20_000, true)]);
}

#[test]
fn what_is_gathered_never_covers_what_is_in_work() {
    let (mut pair, client, server) = stuck();
    for tag in 1..=6 {
        pair.deliver(server, tag, b"x");
        to_client(&mut pair);
        if tag != 4 {
            pair.client.connection.ack(client, tag, false).unwrap();
        }
    }
    to_client(&mut pair);
    let twice = pair.client.connection.ack(client, 2, false);
    assert!(twice.is_err(), "it is acknowledged");
    assert_eq!(acks(&mut pair), [(3, true), (5, false), (6, false)]);
    pair.client.connection.ack(client, 4, false).unwrap();
    assert_eq!(acks(&mut pair), [(4, false)]);
}

#[test]
fn a_rejection_behind_what_is_gathered_goes_for_itself() {
    let (mut pair, client, server) = stuck();
    for tag in 1..=3 {
        pair.deliver(server, tag, b"x");
        to_client(&mut pair);
        let connection = &mut pair.client.connection;
        if tag < 3 {
            connection.ack(client, tag, false).unwrap();
        }
    }
    to_client(&mut pair);
    pair.client.connection.nack(client, 3, true, true).unwrap();
    let mut said = Vec::new();
    pair.drive();
    for event in pair.server.take_events() {
        if let Event::Method { method, .. } = event {
            said.push(method.decode().unwrap().name());
        }
    }
    assert_eq!(said, ["basic.ack", "basic.nack"]);
}

#[test]
fn answers_that_nobody_reads_end_the_connection() {
    let (mut pair, _, server) = stuck();
    let tag = "c".repeat(255);
    let cancel = basic::Cancel {
        consumer_tag: &tag,
        no_wait: false,
    };
    let mut most = 0;
    let mut ended = None;
    for _ in 0..100_000 {
        pair.server
            .connection
            .send(server, &cancel.clone().into())
            .unwrap();
        let events = to_client(&mut pair);
        most = most.max(pair.client.connection.pending_output_bytes());
        ended = events.into_iter().find_map(|event| match event {
            Event::Closed { reason } => Some(reason),
            _ => None,
        });
        if ended.is_some() {
            break;
        }
        if !pair.client.connection.is_connected() {
            pair.now += std::time::Duration::from_mins(1);
            pair.client.connection.handle_timeout(pair.now);
        }
    }
    let limit = 16 * 1024 * 1024;
    let violation = Violation::DoesNotRead { limit };
    assert_eq!(ended, Some(CloseReason::Misbehaved(violation)));
    assert!(most < limit + 256 * 1024, "{most}");
}

#[test]
fn answers_that_are_read_are_forgotten() {
    let (mut pair, _, server) = stuck();
    let tag = "c".repeat(255);
    let cancel = basic::Cancel {
        consumer_tag: &tag,
        no_wait: false,
    };
    for round in 0..100_000 {
        pair.server
            .connection
            .send(server, &cancel.clone().into())
            .unwrap();
        to_client(&mut pair);
        // A part only: the output is never empty.
        if round % 100 == 0 {
            let output = pair.client.connection.output(pair.now);
            output.advance(output.remaining() - 70_000.min(output.remaining()));
        }
    }
    assert!(pair.client.connection.is_connected());
}

#[test]
fn no_clock_rings_for_patient_acknowledgements_that_can_not_leave() {
    let (mut pair, client, server) = stuck();
    pair.deliver(server, 1, b"x");
    to_client(&mut pair);
    pair.client.connection.ack_soon(client, 1).unwrap();
    pair.client.connection.output(pair.now);
    let next = pair.client.connection.poll_timeout().unwrap();
    assert!(next > pair.now + Duration::from_secs(1), "{next:?}");
    assert_eq!(acks(&mut pair), [(1, false)]);
}
