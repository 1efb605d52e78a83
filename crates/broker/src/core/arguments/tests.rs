use bergen_amqp::codec::{FieldTable, FieldValue};

use super::*;
use crate::core::{Scope, stream::StreamStart};

type Table = FieldTable<'static>;

fn table() -> Table {
    Table::new()
}

fn declare(arguments: &Table) -> DeclareQueue<'_> {
    DeclareQueue {
        name: "q",
        passive: false,
        durable: true,
        exclusive: false,
        auto_delete: false,
        arguments,
    }
}

fn refusal(arguments: &Table) -> String {
    let refusal = QueueSettings::parse("/", &declare(arguments)).unwrap_err();
    assert_eq!((refusal.code, refusal.scope), (406, Scope::Channel));
    refusal.text
}

fn invalid(name: &str, why: &str) -> String {
    format!("PRECONDITION_FAILED - invalid arg '{name}' for queue 'q' in vhost '/'{why}")
}

#[test]
fn arguments_become_settings() {
    let arguments = table()
        .with("x-expires", 1_800_000)
        .with("x-message-ttl", 0)
        .with("x-max-length", FieldValue::I64(5))
        .with("x-max-length-bytes", FieldValue::U8(6))
        .with("x-overflow", "reject-publish-dlx")
        .with("x-dead-letter-exchange", "")
        .with("x-dead-letter-routing-key", "dead")
        .with("x-max-priority", 10)
        .with("x-single-active-consumer", true)
        .with("x-ha-policy", "all")
        .with("x-anything", "goes");
    assert_eq!(
        QueueSettings::parse("/", &declare(&arguments)),
        Ok(QueueSettings {
            expires: Some(Duration::from_mins(30)),
            message_ttl: Some(Duration::ZERO),
            max_length: Some(5),
            max_length_bytes: Some(6),
            overflow: Overflow::RejectPublishDeadLetter,
            dead_letter_exchange: Some("".into()),
            dead_letter_routing_key: Some("dead".into()),
            max_priority: Some(10),
            single_active_consumer: true,
            ..QueueSettings::default()
        })
    );
    let stream = table()
        .with("x-queue-type", "stream")
        .with("x-max-age", "1D");
    let stream = QueueSettings::parse("/", &declare(&stream)).unwrap();
    assert_eq!(stream.kind, QueueKind::Stream);
    assert_eq!(stream.max_age, Some(Duration::from_hours(24)));
    let quorum = table()
        .with("x-queue-type", "quorum")
        .with("x-delivery-limit", 3);
    let quorum = QueueSettings::parse("/", &declare(&quorum)).unwrap();
    assert_eq!(
        (quorum.kind, quorum.delivery_limit),
        (QueueKind::Quorum, Some(3))
    );
}

/// Each text was asked of RabbitMQ 3.10.8.
#[test]
fn refusals_have_rabbitmqs_words() {
    for (name, value, why) in [
        ("x-expires", FieldValue::from(-1), ": {value_negative,-1}"),
        ("x-expires", 0.into(), ": {value_zero,0}"),
        (
            "x-expires",
            (1_i64 << 62).into(),
            ": {value_too_large,4611686018427387904}",
        ),
        (
            "x-expires",
            "a".into(),
            ": \"expected integer, got longstr\"",
        ),
        (
            "x-message-ttl",
            1.5.into(),
            ": \"expected integer, got double\"",
        ),
        (
            "x-max-length",
            true.into(),
            ": \"expected integer, got bool\"",
        ),
        ("x-max-priority", 256.into(), ": {max_value_exceeded,256}"),
        ("x-overflow", "foo".into(), ": invalid_overflow"),
        ("x-overflow", 5.into(), ": {unacceptable_type,signedint}"),
        (
            "x-queue-type",
            "foo".into(),
            ": \"unsupported queue type 'foo'\"",
        ),
        ("x-queue-type", 5.into(), ": {unacceptable_type,signedint}"),
        (
            "x-dead-letter-routing-key",
            "k".into(),
            ": routing_key_but_no_dlx_defined",
        ),
        (
            "x-dead-letter-routing-key",
            4.into(),
            ": {unacceptable_type,signedint}",
        ),
        (
            "x-single-active-consumer",
            "yes".into(),
            ": {unacceptable_type,longstr}",
        ),
        (
            "x-queue-mode",
            "foo".into(),
            ": \"unsupported queue mode 'foo'\"",
        ),
        (
            "x-queue-version",
            3.into(),
            ": \"unsupported queue version '3'\"",
        ),
        (
            "x-delivery-limit",
            5.into(),
            " of queue type rabbit_classic_queue",
        ),
        (
            "x-max-age",
            "5s".into(),
            " of queue type rabbit_classic_queue",
        ),
    ] {
        assert_eq!(refusal(&table().with(name, value)), invalid(name, why));
    }
    assert_eq!(
        refusal(
            &table()
                .with("x-dead-letter-exchange", 5)
                .with("x-expires", -1)
        ),
        "PRECONDITION_FAILED - invalid type 'signedint' for arg 'x-dead-letter-exchange' in queue 'q' in vhost '/'"
    );
    let stream = || table().with("x-queue-type", "stream");
    for (name, value, why) in [
        ("x-max-age", FieldValue::from("5"), ": invalid_max_age"),
        ("x-max-age", 5.into(), ": {unacceptable_type,signedint}"),
        ("x-expires", 5.into(), " of queue type rabbit_stream_queue"),
        (
            "x-queue-leader-locator",
            "foo".into(),
            ": invalid_queue_locator_arg",
        ),
    ] {
        assert_eq!(refusal(&stream().with(name, value)), invalid(name, why));
    }
    assert_eq!(
        refusal(&stream().with("x-stream-max-segment-size-bytes", 4_000_000_000_i64)),
        "PRECONDITION_FAILED - Exceeded max value for x-stream-max-segment-size-bytes"
    );
}

#[test]
fn the_first_of_several_mistakes_is_told() {
    let several = table()
        .with("x-max-length", -1)
        .with("x-message-ttl", "foo")
        .with("x-delivery-limit", 1);
    assert_eq!(
        refusal(&several),
        invalid("x-message-ttl", ": \"expected integer, got longstr\"")
    );
    let several = table()
        .with("x-queue-type", "stream")
        .with("x-single-active-consumer", true)
        .with("x-expires", 5);
    assert_eq!(
        refusal(&several),
        invalid(
            "x-single-active-consumer",
            " of queue type rabbit_stream_queue"
        )
    );
}

#[test]
fn quorum_queues_and_streams_are_durable_and_shared() {
    for kind in ["quorum", "stream"] {
        let arguments = table().with("x-queue-type", kind);
        let refused = |change: fn(&mut DeclareQueue<'_>)| {
            let mut declare = declare(&arguments);
            change(&mut declare);
            QueueSettings::parse("/", &declare).unwrap_err().text
        };
        for (text, property) in [
            (refused(|queue| queue.durable = false), "non-durable"),
            (refused(|queue| queue.exclusive = true), "exclusive-owner"),
            (refused(|queue| queue.auto_delete = true), "auto-delete"),
            (
                refused(|queue| (queue.auto_delete, queue.exclusive) = (true, true)),
                "auto-delete",
            ),
        ] {
            assert_eq!(
                text,
                format!(
                    "PRECONDITION_FAILED - invalid property '{property}' for queue 'q' in vhost '/'"
                )
            );
        }
    }
}

#[test]
fn integers_are_equivalent_by_value() {
    let current = table().with("x-expires", 50_000);
    let check =
        |declared: &Table| check_equivalent("/", "q", QueueKind::Classic, &current, declared);
    for value in [
        FieldValue::I64(50_000),
        FieldValue::U32(50_000),
        FieldValue::U16(50_000),
    ] {
        assert_eq!(check(&table().with("x-expires", value)), Ok(()));
    }
    assert_eq!(
        check(&table().with("x-expires", 50_000).with("x-ha-policy", "all")),
        Ok(())
    );
    for (value, shown) in [
        (
            FieldValue::from(50_001),
            "received '50001' but current is '50000'",
        ),
        (50_000.0.into(), "received '5.0e4' but current is '50000'"),
        ("50000".into(), "received '50000' but current is '50000'"),
        ((-1).into(), "received '-1' but current is '50000'"),
    ] {
        assert_eq!(
            check(&table().with("x-expires", value)).unwrap_err().text,
            format!(
                "PRECONDITION_FAILED - inequivalent arg 'x-expires' for queue 'q' in vhost '/': {shown}"
            )
        );
    }
    assert_eq!(
        check(&table()).unwrap_err().text,
        "PRECONDITION_FAILED - inequivalent arg 'x-expires' for queue 'q' in vhost '/': received none but current is \
         the value '50000' of type 'signedint'"
    );
}

#[test]
fn no_type_and_classic_are_equivalent() {
    let classic = table().with("x-queue-type", "classic");
    let quorum = table().with("x-queue-type", "quorum");
    let check = |kind, one: &Table, other: &Table| check_equivalent("/", "q", kind, one, other);
    assert_eq!(check(QueueKind::Classic, &classic, &table()), Ok(()));
    assert_eq!(check(QueueKind::Classic, &table(), &classic), Ok(()));
    assert_eq!(
        check(QueueKind::Classic, &table(), &quorum)
            .unwrap_err()
            .text,
        "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received the value 'quorum' \
         of type 'longstr' but current is none"
    );
    assert_eq!(
        check(QueueKind::Quorum, &quorum, &table())
            .unwrap_err()
            .text,
        "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received none but current is \
         the value 'quorum' of type 'longstr'"
    );
}

#[test]
fn floats_are_shown_as_erlang_does() {
    for (number, expected) in [
        (50_000.0, "5.0e4"),
        (1.5, "1.5"),
        (100.0, "100.0"),
        (1000.0, "1.0e3"),
        (0.1, "0.1"),
    ] {
        assert_eq!(shown(&FieldValue::Double(number)), expected);
    }
}

#[test]
fn consumers_may_ask_what_their_queue_offers() {
    let parse = |kind, name: &str, value: FieldValue<'static>| {
        ConsumerArguments::parse("/", "q", kind, &table().with(name.to_owned(), value))
            .map_err(|refusal| refusal.text)
    };
    assert_eq!(
        parse(QueueKind::Classic, "x-priority", 5.into())
            .unwrap()
            .priority,
        5
    );
    assert_eq!(
        parse(QueueKind::Stream, "x-stream-offset", "first".into())
            .unwrap()
            .start,
        StreamStart::First
    );
    assert_eq!(
        parse(QueueKind::Quorum, "x-priority", "x".into()).unwrap_err(),
        invalid("x-priority", ": \"expected integer, got longstr\"")
    );
    assert_eq!(
        parse(QueueKind::Classic, "x-stream-offset", 1.into()).unwrap_err(),
        invalid("x-stream-offset", " of queue type rabbit_classic_queue")
    );
    assert_eq!(
        parse(QueueKind::Stream, "x-priority", 1.into()).unwrap_err(),
        invalid("x-priority", " of queue type rabbit_stream_queue")
    );
    assert_eq!(
        parse(QueueKind::Stream, "x-stream-offset", "5X".into()).unwrap_err(),
        invalid(
            "x-stream-offset",
            ": {invalid_stream_offset_arg,{longstr,<<\"5X\">>}}"
        )
    );
}
