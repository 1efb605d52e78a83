use super::Bench;
use bergen_amqp::codec::BasicProperties;

#[test]
fn the_oldest_make_room() {
    let mut bench = Bench::new();
    bench.declare("q", &[("x-max-length", 2.into())]);
    for body in ["1", "2", "3"] {
        assert!(bench.publish("q", body).accepted);
    }
    assert_eq!(bench.host.queue("q").unwrap().counters.dropped, 1);
    assert_eq!(bench.drain("q"), ["2", "3"]);
    assert_eq!(bench.host.message_bytes(), 0);
}

#[test]
fn bytes_are_counted_too() {
    let mut bench = Bench::new();
    bench.declare("q", &[("x-max-length-bytes", 10.into())]);
    for body in ["12345", "1234", "123456", "12345678901"] {
        bench.publish("q", body);
        assert!(bench.host.queue("q").unwrap().ready_bytes <= 10);
    }
    assert_eq!(bench.counts("q").0, 0);
}

#[test]
fn what_is_delivered_does_not_count() {
    let mut bench = Bench::new();
    bench.declare("q", &[("x-max-length", 2.into())]);
    for body in ["1", "2", "3", "4"] {
        bench.publish("q", body);
    }
    bench.get("q").unwrap();
    bench.get("q").unwrap();
    bench.publish("q", "5");
    // Given back to the head they are the first to go.
    bench.requeue(1);
    bench.requeue(2);
    assert_eq!(bench.drain("q"), ["4", "5"]);
}

#[test]
fn a_full_queue_may_refuse() {
    let mut bench = Bench::new();
    bench.declare(
        "q",
        &[
            ("x-max-length", 1.into()),
            ("x-overflow", "reject-publish".into()),
        ],
    );
    bench.declare("other", &[]);
    bench.bind("q", "amq.fanout", "");
    bench.bind("other", "amq.fanout", "");
    assert!(bench.publish("q", "1").accepted);
    let published = bench
        .publish_to("amq.fanout", "", "2", BasicProperties::default())
        .unwrap();
    assert!(published.routed && !published.accepted);
    assert_eq!(bench.drain("q"), ["1"]);
    assert_eq!(bench.drain("other"), ["2"]);
}

#[test]
fn what_a_full_queue_refuses_may_be_dead_lettered() {
    let mut bench = Bench::new();
    bench.declare("dead", &[]);
    bench.declare(
        "q",
        &[
            ("x-max-length", 2.into()),
            ("x-overflow", "reject-publish-dlx".into()),
            ("x-dead-letter-exchange", "".into()),
            ("x-dead-letter-routing-key", "dead".into()),
        ],
    );
    for body in ["1", "2"] {
        assert!(bench.publish("q", body).accepted);
    }
    assert!(!bench.publish("q", "3").accepted);
    let letter = bench.get("dead").unwrap();
    assert_eq!(letter.message.body, "3");
    let headers = letter.message.properties.headers.clone().unwrap();
    assert_eq!(
        headers.get("x-first-death-reason").unwrap().as_str(),
        Some("maxlen")
    );
    assert_eq!(bench.drain("q"), ["1", "2"]);
}

#[test]
fn priorities_go_first() {
    let mut bench = Bench::new();
    bench.declare("q", &[("x-max-priority", 5.into())]);
    for (body, priority) in [
        ("1", Some(1)),
        ("9", Some(9)),
        ("none", None),
        ("3", Some(3)),
        ("5", Some(5)),
        ("0", Some(0)),
    ] {
        let properties = BasicProperties {
            priority,
            ..BasicProperties::default()
        };
        bench.publish_with("q", body, properties);
    }
    // Nine counts as five.
    assert_eq!(bench.get("q").unwrap().message.body, "9");
    bench.requeue(1);
    assert_eq!(bench.drain("q"), ["9", "5", "3", "1", "none", "0"]);
}

#[test]
fn too_long_a_priority_queue_drops_from_its_head() {
    let mut bench = Bench::new();
    bench.declare(
        "q",
        &[("x-max-priority", 5.into()), ("x-max-length", 3.into())],
    );
    for priority in [1, 9, 0, 3, 5] {
        let properties = BasicProperties {
            priority: Some(priority),
            ..BasicProperties::default()
        };
        bench.publish_with("q", &priority.to_string(), properties);
    }
    assert_eq!(bench.drain("q"), ["3", "1", "0"]);
}

#[test]
fn small_messages_count_in_memory() {
    let mut bench = Bench::new();
    bench.declare("q", &[]);
    for _ in 0..100 {
        bench.publish("q", "");
    }
    assert!(bench.host.message_bytes() >= 100 * 300);
    let headers = [("h", "x".repeat(10_000))].into_iter().collect();
    let before = bench.host.message_bytes();
    bench.publish_with(
        "q",
        "",
        BasicProperties {
            headers: Some(headers),
            ..BasicProperties::default()
        },
    );
    assert!(bench.host.message_bytes() >= before + 10_000);
    bench.drain("q");
    assert_eq!(bench.host.message_bytes(), 0);
}
