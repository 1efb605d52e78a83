//! RabbitMQ answers in order, but for `consume-ok` and `cancel-ok`, which the queue's process sends.

use super::{declare, pair::Pair};
use crate::{
    codec::{
        Method,
        methods::{basic, queue},
    },
    protocol::{CloseReason, Event, Reply, RequestId, Violation},
};

fn consume(consumer_tag: &str) -> Method<'_> {
    basic::Consume {
        consumer_tag,
        ..Default::default()
    }
    .into()
}

fn consume_ok(consumer_tag: &str) -> Method<'_> {
    basic::ConsumeOk { consumer_tag }.into()
}

fn cancel(consumer_tag: &str) -> Method<'_> {
    basic::Cancel {
        consumer_tag,
        no_wait: false,
    }
    .into()
}

fn cancel_ok(consumer_tag: &str) -> Method<'_> {
    basic::CancelOk { consumer_tag }.into()
}

fn declare_ok(queue: &str) -> Method<'_> {
    queue::DeclareOk {
        queue,
        ..Default::default()
    }
    .into()
}

/// Makes all of these requests, lets the server say `answers`, and tells which requests were answered
/// by what, in that order.
fn answered(requests: &[Method<'_>], answers: &[Method<'_>]) -> Vec<(usize, Reply)> {
    let mut pair = Pair::connected();
    let (client, server) = pair.open_channel();
    let connection = &mut pair.client.connection;
    let ids: Vec<RequestId> = requests
        .iter()
        .map(|request| connection.request(client, request).unwrap())
        .collect();
    pair.drive();
    for answer in answers {
        pair.server.connection.send(server, answer).unwrap();
    }
    pair.drive();
    let position = |id| ids.iter().position(|known| *known == id).unwrap();
    let replies = pair.client.take_events().into_iter();
    replies
        .map(|event| match event {
            Event::Reply { request, reply, .. } => (position(request), reply),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn started(consumer_tag: &str) -> Reply {
    Reply::ConsumerStarted {
        consumer_tag: consumer_tag.into(),
    }
}

fn stopped(consumer_tag: &str) -> Reply {
    Reply::ConsumerStopped {
        consumer_tag: consumer_tag.into(),
    }
}

fn declared(queue: &str) -> Reply {
    Reply::QueueDeclared {
        queue: queue.to_owned(),
        message_count: 0,
        consumer_count: 0,
    }
}

#[test]
fn answers_to_consumes_and_cancels_may_come_in_turn_or_be_overtaken() {
    let requests = [
        declare("a"),
        consume("c"),
        cancel("other"),
        declare("b"),
        basic::Qos::default().into(),
    ];
    let qos_ok = || basic::QosOk {}.into();
    assert_eq!(
        answered(
            &requests,
            &[
                declare_ok("a"),
                consume_ok("c"),
                cancel_ok("other"),
                declare_ok("b"),
                qos_ok()
            ]
        ),
        [
            (0, declared("a")),
            (1, started("c")),
            (2, stopped("other")),
            (3, declared("b")),
            (4, Reply::Done)
        ]
    );
    assert_eq!(
        answered(
            &requests,
            &[
                declare_ok("a"),
                declare_ok("b"),
                cancel_ok("other"),
                qos_ok(),
                consume_ok("c")
            ]
        ),
        [
            (0, declared("a")),
            (3, declared("b")),
            (2, stopped("other")),
            (4, Reply::Done),
            (1, started("c"))
        ]
    );
}

#[test]
fn names_that_the_broker_chooses_are_for_those_who_left_it_to_it() {
    assert_eq!(
        answered(
            &[consume(""), consume("mine"), consume("")],
            &[
                consume_ok("mine"),
                consume_ok("amq.ctag-1"),
                consume_ok("amq.ctag-2")
            ]
        ),
        [
            (1, started("mine")),
            (0, started("amq.ctag-1")),
            (2, started("amq.ctag-2"))
        ]
    );
}

#[test]
fn a_tag_that_is_used_again_is_answered_in_turn() {
    assert_eq!(
        answered(
            &[consume("c"), cancel("c"), consume("c")],
            &[consume_ok("c"), cancel_ok("c"), consume_ok("c")]
        ),
        [(0, started("c")), (1, stopped("c")), (2, started("c"))]
    );
}

#[test]
fn an_answer_for_a_consumer_that_nobody_asked_for_breaks_the_protocol() {
    for (request, answer) in [
        (consume("mine"), consume_ok("yours")),
        (cancel("mine"), cancel_ok("yours")),
        (consume("mine"), cancel_ok("mine")),
    ] {
        let mut pair = Pair::connected();
        let (client, server) = pair.open_channel();
        pair.client.connection.request(client, &request).unwrap();
        pair.drive();
        pair.server.connection.send(server, &answer).unwrap();
        pair.drive();
        let reason = CloseReason::Misbehaved(Violation::UnexpectedReply {
            method: answer.name(),
            expected: request.name(),
        });
        assert!(
            pair.client
                .take_events()
                .contains(&Event::Closed { reason })
        );
    }
}
