use super::{Bench, expiring, persistent, refused};

#[test]
fn a_message_goes_the_whole_way() {
    let mut bench = Bench::new();
    bench.declare("q", &[]);
    let published = bench.publish("q", "one");
    assert!(published.routed && published.accepted && !published.stored);
    assert_eq!(bench.counts("q"), (1, 0));
    bench.consume("q", "c");
    bench.publish("q", "two");
    assert_eq!(
        bench.delivered(),
        [
            ("c".to_owned(), "one".to_owned()),
            ("c".to_owned(), "two".to_owned())
        ]
    );
    assert_eq!(bench.host.queue("q").unwrap().unacknowledged, 2);
    bench.ack(1);
    bench.ack(2);
    let info = bench.host.queue("q").unwrap();
    assert_eq!((info.ready, info.unacknowledged, info.consumers), (0, 0, 1));
    assert_eq!(info.counters.acknowledged, 2);
    assert_eq!(bench.host.message_bytes(), 0);
}

#[test]
fn exchanges_route_by_their_type() {
    let mut bench = Bench::new();
    bench.declare_exchange("t", "topic");
    bench.declare_exchange("f", "fanout");
    for name in ["a", "b"] {
        bench.declare(name, &[]);
        bench.bind(name, "f", "");
    }
    bench.bind("a", "t", "compute.*");
    bench.bind("b", "amq.direct", "key");
    let mut publish = |exchange, key| {
        bench
            .publish_to(exchange, key, "x", persistent())
            .unwrap()
            .routed
    };
    assert!(publish("t", "compute.node1"));
    assert!(!publish("t", "network.node1"));
    assert!(publish("amq.direct", "key"));
    assert!(publish("f", "anything"));
    assert_eq!(bench.counts("a").0, 2);
    assert_eq!(bench.counts("b").0, 2);
}

#[test]
fn what_no_queue_takes_is_told() {
    let mut bench = Bench::new();
    assert!(!bench.publish("nobody", "x").routed);
    assert_eq!(
        refused(bench.publish_to("nox", "k", "x", expiring("bad"))),
        "NOT_FOUND - no exchange 'nox' in vhost '/'"
    );
}

#[test]
fn expirations_that_are_no_number_are_refused_in_rabbitmqs_words() {
    let mut bench = Bench::new();
    for (expiration, why) in [
        ("abc", "no_integer"),
        ("", "no_integer"),
        (" 5", "no_integer"),
        ("-", "no_integer"),
        ("1.5", "{leftover_string,\".5\"}"),
        ("5x\"y", "{leftover_string,\"x\\\"y\"}"),
        ("-1", "{value_negative,-1}"),
        ("315360000001", "{value_too_large,315360000001}"),
        (
            "99999999999999999999",
            "{value_too_large,99999999999999999999}",
        ),
    ] {
        assert_eq!(
            refused(bench.publish_to("", "nobody", "x", expiring(expiration))),
            format!("PRECONDITION_FAILED - invalid expiration '{expiration}': {why}")
        );
    }
    for expiration in ["0", "-0", "+5", "00012", "315360000000"] {
        bench
            .publish_to("", "nobody", "x", expiring(expiration))
            .unwrap();
    }
}
