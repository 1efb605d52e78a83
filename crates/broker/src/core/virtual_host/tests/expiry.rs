use std::time::Duration;

use super::{Bench, expiring, queue};
use crate::core::DeclareQueue;

#[test]
fn messages_expire() {
    let mut bench = Bench::new();
    bench.declare("q", &[("x-message-ttl", 100.into())]);
    bench.publish("q", "1");
    bench.pass(60);
    bench.publish("q", "2");
    // The shorter of both times counts.
    bench.publish_with("q", "3", expiring("1000"));
    bench.pass(39);
    assert_eq!(bench.counts("q").0, 3);
    bench.pass(1);
    assert_eq!(bench.counts("q").0, 2);
    bench.pass(60);
    assert_eq!(bench.counts("q").0, 0);
    assert_eq!(bench.host.queue("q").unwrap().counters.expired, 3);
    assert_eq!(bench.host.message_bytes(), 0);
    assert_eq!(bench.host.poll_timeout(), None);
}

#[test]
fn a_message_expires_when_it_comes_to_the_head() {
    let mut bench = Bench::new();
    bench.declare("q", &[]);
    bench.publish_with("q", "long", expiring("1000"));
    bench.publish_with("q", "short", expiring("10"));
    bench.pass(500);
    assert_eq!(bench.counts("q").0, 2);
    let got = bench.get("q").unwrap();
    assert_eq!(got.message.body, "long");
    assert!(bench.get("q").is_none());
    // And also if it is given back too late.
    bench.pass(600);
    bench.requeue(got.delivery_tag);
    assert!(bench.get("q").is_none());
}

#[test]
fn no_time_at_all_is_for_who_waits_already() {
    let mut bench = Bench::new();
    bench.declare("q", &[("x-message-ttl", 0.into())]);
    bench.publish("q", "lost");
    assert_eq!(bench.counts("q").0, 0);
    bench.consume("q", "c");
    bench.publish("q", "taken");
    assert_eq!(bench.bodies(), ["taken"]);
    bench.requeue(1);
    assert_eq!(bench.bodies(), [""; 0]);
}

#[test]
fn an_expired_message_is_not_delivered_though_no_timer_has_fired() {
    let mut bench = Bench::new();
    bench.declare("q", &[("x-message-ttl", 10.into())]);
    bench.publish("q", "x");
    bench.now += Duration::from_millis(10);
    bench.consume("q", "c");
    assert_eq!(bench.bodies(), [""; 0]);
}

#[test]
fn unused_queues_expire() {
    let mut bench = Bench::new();
    bench.declare("q", &[("x-expires", 1000.into())]);
    bench.pass(900);
    // Each of these is a use; a publish is none.
    bench.get("q");
    bench.pass(900);
    bench.declare("q", &[("x-expires", 1000.into())]);
    bench.pass(900);
    bench.counts("q");
    bench.pass(900);
    bench.consume("q", "c");
    bench.pass(10_000);
    bench.host.cancel(bench.channel, "c", bench.now);
    bench.publish("q", "x");
    bench.pass(900);
    bench.publish("q", "x");
    bench.pass(99);
    assert!(bench.exists("q"));
    bench.pass(1);
    assert!(!bench.exists("q"));
    assert_eq!(bench.host.message_bytes(), 0);
    assert_eq!(bench.host.poll_timeout(), None);
}

#[test]
fn timers_go_with_their_queue() {
    let mut bench = Bench::new();
    for _ in 0..100 {
        bench.declare(
            "q",
            &[
                ("x-expires", 60_000.into()),
                ("x-message-ttl", 60_000.into()),
            ],
        );
        bench.publish("q", "x");
        bench
            .host
            .delete_queue(bench.connection, "q", false, false, bench.now)
            .unwrap();
    }
    assert!(bench.host.timers.is_empty());
}

#[test]
fn an_expired_queue_takes_its_bindings_along() {
    let mut bench = Bench::new();
    let arguments = [("x-expires", 10)].into_iter().collect();
    bench
        .host
        .declare_queue(
            bench.connection,
            &DeclareQueue {
                arguments: &arguments,
                ..queue("q")
            },
            bench.now,
        )
        .unwrap();
    bench.declare_exchange("f", "fanout");
    bench.bind("q", "f", "");
    bench.pass(10);
    assert_eq!(bench.host.bindings().count(), 0);
    let routed = bench
        .publish_to("f", "", "x", expiring("1"))
        .unwrap()
        .routed;
    assert!(!routed);
}

#[test]
fn many_expire_in_portions_and_all_do() {
    let mut bench = Bench::new();
    bench.declare("q", &[("x-message-ttl", 10.into())]);
    for _ in 0..2500 {
        bench.publish("q", "x");
    }
    bench.now += Duration::from_millis(10);
    bench.host.handle_timeout(bench.now);
    let left = bench.host.queue("q").unwrap().ready;
    assert_eq!(left, 1500);
    assert!(bench.host.poll_timeout().unwrap() <= bench.now);
    bench.pass(0);
    assert_eq!(bench.host.queue("q").unwrap().ready, 0);
}
