use super::{Bench, NOTHING, refused};
use crate::core::{Consume, Scope};

fn tags(bench: &mut Bench, queue: &str, count: usize) -> String {
    bench.delivered();
    for _ in 0..count {
        bench.publish(queue, "x");
    }
    bench.delivered().into_iter().map(|(tag, _)| tag).collect()
}

fn exclusive<'a>(queue: &'a str, tag: &'a str) -> Consume<'a> {
    Consume {
        queue,
        consumer_tag: tag,
        no_ack: false,
        exclusive: true,
        arguments: NOTHING,
    }
}

#[test]
fn consumers_take_turns() {
    let mut bench = Bench::new();
    bench.declare("q", &[]);
    for tag in ["a", "b", "c"] {
        bench.consume("q", tag);
    }
    assert_eq!(tags(&mut bench, "q", 5), "abcab");
    bench.host.cancel(bench.channel, "a", bench.now);
    assert_eq!(tags(&mut bench, "q", 4), "cbcb");
}

#[test]
fn higher_priorities_come_first_while_they_can() {
    let mut bench = Bench::new();
    bench.declare("q", &[]);
    bench.qos(2, false);
    bench.consume("q", "l");
    bench
        .consume_on(bench.channel, "q", "h", &[("x-priority", 10.into())])
        .unwrap();
    bench
        .consume_on(bench.channel, "q", "i", &[("x-priority", 10.into())])
        .unwrap();
    assert_eq!(tags(&mut bench, "q", 7), "hihill");
    bench.ack(1);
    assert_eq!(bench.delivered()[0].0, "h");
    assert_eq!(
        refused(bench.consume_on(bench.channel, "q", "z", &[("x-priority", "s".into())])),
        "PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'q' in vhost '/': \"expected integer, got longstr\""
    );
}

#[test]
fn tags_are_unique_on_their_channel() {
    let mut bench = Bench::new();
    bench.declare("q", &[]);
    bench.consume("q", "t");
    let refusal = bench.consume_on(bench.channel, "q", "t", &[]).unwrap_err();
    assert_eq!((refusal.code, refusal.scope), (530, Scope::Connection));
    assert_eq!(
        refusal.text,
        "NOT_ALLOWED - attempt to reuse consumer tag 't'"
    );
    let other = bench.another_channel();
    bench.consume_on(other, "q", "t", &[]).unwrap();
    let made_up = bench.consume_on(other, "q", "", &[]).unwrap();
    assert!(made_up.starts_with("amq.ctag-"), "{made_up}");
    assert_eq!(
        refused(bench.consume_on(other, "nope", "u", &[])),
        "NOT_FOUND - no queue 'nope' in vhost '/'"
    );
    bench.host.cancel(other, "no such tag", bench.now);
}

#[test]
fn exclusive_consumers_are_alone() {
    const IN_USE: &str = "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use";
    let mut bench = Bench::new();
    bench.declare("q", &[]);
    let now = bench.now;
    bench.consume("q", "a");
    assert_eq!(
        refused(bench.host.consume(bench.channel, &exclusive("q", "b"), now)),
        IN_USE
    );
    bench.host.cancel(bench.channel, "a", now);
    bench
        .host
        .consume(bench.channel, &exclusive("q", "b"), now)
        .unwrap();
    assert_eq!(
        refused(bench.consume_on(bench.channel, "q", "a", &[])),
        IN_USE
    );
    assert!(bench.host.queue("q").unwrap().exclusive_consumer.is_some());
    bench.host.cancel(bench.channel, "b", now);
    bench.consume("q", "a");
}

#[test]
fn a_single_active_consumer_is_followed_by_the_next() {
    let mut bench = Bench::new();
    bench.declare("q", &[("x-single-active-consumer", true.into())]);
    for (tag, priority) in [("a", 0), ("b", 1), ("c", 5), ("d", 5)] {
        bench
            .consume_on(bench.channel, "q", tag, &[("x-priority", priority.into())])
            .unwrap();
    }
    for expected in ["a", "c", "d", "b"] {
        assert_eq!(tags(&mut bench, "q", 2), expected.repeat(2));
        let active = bench.host.queue("q").unwrap().single_active_consumer;
        assert_eq!(active.map(AsRef::as_ref), Some(expected));
        assert_eq!(bench.host.consumers().filter(|info| info.active).count(), 1);
        bench.host.cancel(bench.channel, expected, bench.now);
    }
    assert_eq!(
        refused(
            bench
                .host
                .consume(bench.channel, &exclusive("q", "e"), bench.now)
        ),
        "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use"
    );
}

#[test]
fn a_single_active_consumer_that_is_full_is_waited_for() {
    let mut bench = Bench::new();
    bench.declare("q", &[("x-single-active-consumer", true.into())]);
    bench.qos(1, false);
    bench.consume("q", "a");
    bench.consume("q", "b");
    assert_eq!(tags(&mut bench, "q", 3), "a");
    bench.ack(1);
    assert_eq!(bench.delivered()[0].0, "a");
}

#[test]
fn deleting_a_queue_tells_all_its_consumers() {
    let mut bench = Bench::new();
    bench.declare("q", &[]);
    bench.consume("q", "mine");
    let (_, theirs) = bench.client();
    bench.consume_on(theirs, "q", "theirs", &[]).unwrap();
    bench
        .host
        .delete_queue(bench.connection, "q", false, false, bench.now)
        .unwrap();
    bench.poll();
    assert_eq!(
        bench.cancelled,
        [(bench.channel, "mine".into()), (theirs, "theirs".into())]
    );
    assert_eq!(bench.host.consumers().count(), 0);
    // The tag is free again.
    bench.declare("q", &[]);
    bench.consume("q", "mine");
}

#[test]
fn who_does_not_read_gets_nothing() {
    let mut bench = Bench::new();
    bench.declare("q", &[]);
    bench.consume("q", "slow");
    let (_, other) = bench.client();
    bench.consume_on(other, "q", "fast", &[]).unwrap();
    bench.host.set_reading(bench.connection, false, bench.now);
    assert_eq!(tags(&mut bench, "q", 3), "fastfastfast");
    bench.host.set_flow(other, false, bench.now);
    assert_eq!(tags(&mut bench, "q", 2), "");
    bench.host.set_reading(bench.connection, true, bench.now);
    assert_eq!(bench.delivered().len(), 2);
    bench.host.set_flow(other, true, bench.now);
    assert_eq!(tags(&mut bench, "q", 2), "slowfast");
}

#[test]
fn a_long_queue_goes_out_in_portions() {
    let mut bench = Bench::new();
    bench.declare("q", &[]);
    for _ in 0..1000 {
        bench.publish("q", "x");
    }
    bench
        .host
        .consume(
            bench.channel,
            &Consume {
                queue: "q",
                consumer_tag: "c",
                no_ack: true,
                exclusive: false,
                arguments: NOTHING,
            },
            bench.now,
        )
        .unwrap();
    for _ in 0..10 {
        assert!(bench.host.poll_effect().is_some());
    }
    // The socket is full.
    bench.host.set_reading(bench.connection, false, bench.now);
    let mut late = 0;
    while bench.host.poll_effect().is_some() {
        late += 1;
    }
    assert!(late < 64, "{late}");
    assert_eq!(bench.host.queue("q").unwrap().ready, 1000 - 10 - late);
    bench.host.set_reading(bench.connection, true, bench.now);
    assert_eq!(bench.bodies().len() as u64, 1000 - 10 - late);
}

#[test]
fn coming_and_going_leaves_nothing_behind() {
    let mut bench = Bench::new();
    bench.declare("q", &[]);
    for _ in 0..1000 {
        let channel = bench.another_channel();
        bench.consume_on(channel, "q", "c", &[]).unwrap();
        bench.host.close_channel(channel, bench.now);
    }
    assert_eq!(bench.counts("q"), (0, 0));
    assert_eq!(bench.host.consumers.iter().count(), 0);
    assert_eq!(bench.host.channels.iter().count(), 1);
}
