use bergen_amqp::codec::FieldValue;

use super::{Bench, NOTHING, refused};
use crate::core::{Consume, Extra, Scope};

fn stream(bench: &mut Bench, more: &[(&'static str, FieldValue<'static>)]) {
    let mut arguments = vec![("x-queue-type", "stream".into())];
    arguments.extend_from_slice(more);
    bench.declare_durable("s", &arguments);
}

#[test]
fn reading_takes_nothing_away() {
    let mut bench = Bench::new();
    stream(&mut bench, &[]);
    for body in ["0", "1", "2"] {
        assert!(bench.publish("s", body).stored);
    }
    bench.qos(2, false);
    for (tag, offset, expected) in [
        ("first", FieldValue::from("first"), &["0", "1"][..]),
        ("last", "last".into(), &["2"]),
        ("one", 1.into(), &["1", "2"]),
        ("next", "next".into(), &[]),
    ] {
        bench
            .consume_on(bench.channel, "s", tag, &[("x-stream-offset", offset)])
            .unwrap();
        assert_eq!(bench.bodies(), expected, "{tag}");
    }
    bench.publish("s", "3");
    let tags: Vec<_> = bench.delivered().into_iter().map(|(tag, _)| tag).collect();
    assert_eq!(tags, ["last", "next"]);
    // Acknowledging lets the first read on, at its own place.
    bench.ack(1);
    bench.ack(2);
    assert_eq!(
        bench.delivered(),
        [
            ("first".to_owned(), "2".to_owned()),
            ("first".to_owned(), "3".to_owned())
        ]
    );
    assert_eq!(bench.host.queue("s").unwrap().ready, 4);
}

#[test]
fn deliveries_tell_their_offset() {
    let mut bench = Bench::new();
    stream(&mut bench, &[]);
    bench.qos(100, false);
    bench.publish("s", "0");
    bench
        .consume_on(
            bench.channel,
            "s",
            "c",
            &[("x-stream-offset", "first".into())],
        )
        .unwrap();
    bench.publish("s", "1");
    let offsets: Vec<_> = bench.deliveries.iter().map(|one| one.extra).collect();
    assert_eq!(
        offsets,
        [0, 1].map(|offset| Some(Extra::StreamOffset(offset)))
    );
}

#[test]
fn old_messages_go_and_readers_go_on_behind_them() {
    let mut bench = Bench::new();
    stream(&mut bench, &[("x-max-age", "1s".into())]);
    bench.qos(1, false);
    for body in ["0", "1"] {
        bench.publish("s", body);
    }
    bench
        .consume_on(
            bench.channel,
            "s",
            "c",
            &[("x-stream-offset", "first".into())],
        )
        .unwrap();
    bench.pass(500);
    bench.publish("s", "2");
    bench.pass(500);
    assert_eq!(bench.host.queue("s").unwrap().ready, 1);
    assert_eq!(bench.bodies(), ["0"]);
    bench.ack(1);
    assert_eq!(bench.bodies(), ["2"]);
    bench.pass(500);
    assert_eq!(bench.host.queue("s").unwrap().ready, 0);
    assert_eq!(bench.host.message_bytes(), 0);
}

#[test]
fn streams_refuse_what_rabbitmq_refuses() {
    let mut bench = Bench::new();
    stream(&mut bench, &[]);
    let (channel, connection, now) = (bench.channel, bench.connection, bench.now);
    assert_eq!(
        refused(bench.consume_on(channel, "s", "c", &[])),
        "PRECONDITION_FAILED - consumer prefetch count is not set for 'queue 's' in vhost '/''"
    );
    bench.qos(1, false);
    let no_ack = Consume {
        queue: "s",
        consumer_tag: "c",
        no_ack: true,
        exclusive: false,
        arguments: NOTHING,
    };
    let refusal = bench.host.consume(channel, &no_ack, now).unwrap_err();
    assert_eq!(refusal.scope, Scope::Connection);
    assert_eq!(
        refusal.text,
        "NOT_IMPLEMENTED - automatic acknowledgement not supported by stream queues queue 's' in vhost '/'"
    );
    assert_eq!(
        refused(bench.host.get(channel, "s", false, now)),
        "NOT_IMPLEMENTED - basic.get not supported by stream queues queue 's' in vhost '/'"
    );
    assert_eq!(
        refused(bench.host.purge_queue(connection, "s", now)),
        "NOT_IMPLEMENTED - queue.purge not supported by stream queues queue 's' in vhost '/'"
    );
    bench.publish("s", "x");
    bench
        .host
        .delete_queue(connection, "s", true, true, now)
        .unwrap();
    assert_eq!(bench.host.message_bytes(), 0);
}

#[test]
fn a_long_stream_is_read_in_portions_by_many() {
    let mut bench = Bench::new();
    stream(&mut bench, &[]);
    for _ in 0..500 {
        bench.publish("s", "x");
    }
    bench.qos(1000, false);
    for tag in ["a", "b", "c"] {
        bench
            .consume_on(
                bench.channel,
                "s",
                tag,
                &[("x-stream-offset", "first".into())],
            )
            .unwrap();
    }
    let delivered = bench.delivered();
    assert_eq!(delivered.len(), 1500);
    // Giving back changes nothing but the credit.
    bench
        .host
        .nack(bench.channel, 0, true, true, bench.now)
        .unwrap();
    assert_eq!(bench.delivered().len(), 0);
    bench.publish("s", "x");
    assert_eq!(bench.delivered().len(), 3);
}
