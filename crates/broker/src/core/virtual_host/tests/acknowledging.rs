use super::{Bench, refused};
use crate::core::Scope;

#[test]
fn unknown_tags_are_refused() {
    let mut bench = Bench::new();
    bench.declare("q", &[]);
    bench.publish("q", "x");
    let (channel, now) = (bench.channel, bench.now);
    for (tag, multiple) in [(5, false), (0, false), (5, true)] {
        let refusal = bench.host.ack(channel, tag, multiple, now).unwrap_err();
        assert_eq!((refusal.code, refusal.scope), (406, Scope::Channel));
        assert_eq!(
            refusal.text,
            format!("PRECONDITION_FAILED - unknown delivery tag {tag}")
        );
    }
    // Nothing to settle is all settled.
    bench.host.ack(channel, 0, true, now).unwrap();
    bench.get("q").unwrap();
    bench.ack(1);
    assert_eq!(
        refused(bench.host.ack(channel, 1, false, now)),
        "PRECONDITION_FAILED - unknown delivery tag 1"
    );
}

#[test]
fn multiple_settles_all_up_to_the_tag() {
    let mut bench = Bench::new();
    bench.declare("q", &[]);
    bench.consume("q", "c");
    for body in ["1", "2", "3", "4"] {
        bench.publish("q", body);
    }
    bench.ack(2);
    bench.ack_through(3);
    assert_eq!(bench.host.queue("q").unwrap().unacknowledged, 1);
    bench.ack_through(0);
    let info = bench.host.queue("q").unwrap();
    assert_eq!((info.unacknowledged, info.counters.acknowledged), (0, 4));
}

#[test]
fn what_is_given_back_goes_to_its_place_and_is_marked() {
    let mut bench = Bench::new();
    bench.declare("q", &[]);
    for body in ["1", "2", "3", "4", "5", "6"] {
        bench.publish("q", body);
    }
    for _ in 0..5 {
        bench.get("q").unwrap();
    }
    bench.requeue(4);
    bench.requeue(2);
    assert_eq!(bench.get("q").unwrap().message.body, "2");
    bench.requeue(6);
    bench
        .host
        .nack(bench.channel, 3, true, true, bench.now)
        .unwrap();
    let mut got = Vec::new();
    while let Some(one) = bench.get("q") {
        got.push((super::text(&one.message), one.redelivered));
    }
    let expected = ["1", "2", "3", "4", "6"].map(|body| (body.to_owned(), body != "6"));
    assert_eq!(got, expected);
    // Tag 5 is still out.
    bench.ack(5);
}

#[test]
fn what_is_given_back_goes_to_the_next_consumer() {
    let mut bench = Bench::new();
    bench.declare("q", &[]);
    bench.consume("q", "a");
    bench.consume("q", "b");
    bench.publish("q", "x");
    assert_eq!(bench.delivered()[0].0, "a");
    bench.requeue(1);
    assert_eq!(bench.deliveries.len(), 1);
    assert!(bench.deliveries[0].redelivered);
    assert_eq!(bench.delivered()[0].0, "b");
}

#[test]
fn a_channel_that_goes_gives_everything_back() {
    let mut bench = Bench::new();
    bench.declare("q", &[]);
    bench.declare("r", &[]);
    let other = bench.another_channel();
    bench.consume_on(other, "q", "c", &[]).unwrap();
    for body in ["1", "2", "3"] {
        bench.publish("q", body);
        bench.publish("r", body);
    }
    bench.host.get(other, "r", false, bench.now).unwrap();
    bench.host.ack(other, 2, false, bench.now).unwrap();
    bench.host.close_channel(other, bench.now);
    assert_eq!(bench.counts("q"), (2, 0));
    assert_eq!(bench.drain("q"), ["1", "3"]);
    assert_eq!(bench.drain("r"), ["1", "2", "3"]);
    assert_eq!(bench.host.message_bytes(), 0);
}

#[test]
fn recover_gives_everything_back() {
    let mut bench = Bench::new();
    bench.declare("q", &[]);
    bench.consume("q", "c");
    bench.publish("q", "1");
    bench.publish("q", "2");
    bench.delivered();
    bench.host.recover(bench.channel, true, bench.now).unwrap();
    assert_eq!(bench.bodies(), ["1", "2"]);
    assert_eq!(
        refused(bench.host.recover(bench.channel, false, bench.now)),
        "NOT_IMPLEMENTED - requeue=false"
    );
}

#[test]
fn get_counts_what_is_left() {
    let mut bench = Bench::new();
    bench.declare("q", &[]);
    assert!(bench.get("q").is_none());
    bench.publish("q", "1");
    bench.publish("q", "2");
    let got = bench.get("q").unwrap();
    assert_eq!((got.message_count, got.delivery_tag), (1, 1));
    assert_eq!(got.extra, None);
    assert_eq!(bench.drain("q"), ["2"]);
    let counters = bench.host.queue("q").unwrap().counters;
    assert_eq!(
        (counters.got, counters.got_no_ack, counters.got_empty),
        (1, 1, 2)
    );
    assert_eq!(
        refused(bench.host.get(bench.channel, "nope", false, bench.now)),
        "NOT_FOUND - no queue 'nope' in vhost '/'"
    );
}

#[test]
fn large_bursts_come_back_in_order() {
    let mut bench = Bench::new();
    bench.declare("q", &[]);
    bench.consume("q", "c");
    let other = bench.another_channel();
    bench.consume_on(other, "q", "d", &[]).unwrap();
    let all: Vec<_> = (0..1000).map(|number| number.to_string()).collect();
    for body in &all {
        bench.publish("q", body);
    }
    bench.host.cancel(bench.channel, "c", bench.now);
    bench.host.cancel(other, "d", bench.now);
    bench.host.close_channel(other, bench.now);
    assert_eq!(bench.counts("q").0, 500);
    bench.host.recover(bench.channel, true, bench.now).unwrap();
    assert_eq!(bench.drain("q"), all);
}
