use std::{sync::Arc, time::Duration};

use bergen_amqp::codec::BasicProperties;

use super::{Bench, START, expiring, persistent};
use crate::core::{Change, DeclareExchange, Extra, HostSettings, VirtualHost};

/// A new broker that finds these changes.
fn restart(changes: &[Change], after: u64) -> Bench {
    let mut bench = Bench::new();
    let wall = std::time::SystemTime::UNIX_EPOCH
        + Duration::from_secs(START)
        + Duration::from_millis(after);
    bench.host = VirtualHost::new(HostSettings::default(), bench.now, wall);
    for change in changes {
        bench.host.restore(change.clone());
    }
    bench.host.restored(bench.now, wall);
    assert!(bench.host.poll_effect().is_none());
    bench.connection = bench.host.connect();
    bench.channel = bench.host.open_channel(bench.connection);
    bench
}

#[test]
fn durable_things_outlive_the_broker() {
    let mut bench = Bench::new();
    bench
        .host
        .declare_exchange(&DeclareExchange {
            name: "e",
            kind: "topic",
            passive: false,
            durable: true,
            auto_delete: false,
            internal: false,
            arguments: super::NOTHING,
        })
        .unwrap();
    bench.declare_durable("q", &[("x-max-priority", 3.into())]);
    bench.declare("transient", &[]);
    bench.bind("q", "e", "k.#");
    for (body, properties) in [
        ("1", persistent()),
        ("lost", BasicProperties::default()),
        ("2", persistent()),
        ("3", persistent()),
    ] {
        let published = bench.publish_to("e", "k", body, properties).unwrap();
        assert_eq!(published.stored, body != "lost");
    }
    let stored = bench.publish_to("", "transient", "x", persistent());
    assert!(!stored.unwrap().stored);
    bench.get("q").unwrap();
    bench.ack(1);
    let mut bench = restart(&bench.changes(), 0);
    assert!(bench.exists("q") && !bench.exists("transient"));
    let got = bench.get("q").unwrap();
    assert!(got.redelivered);
    assert_eq!(got.message.body, "2");
    bench.requeue(1);
    assert_eq!(bench.drain("q"), ["2", "3"]);
    assert!(
        bench
            .publish_to("e", "k.x", "4", persistent())
            .unwrap()
            .stored
    );
    assert_eq!(bench.counts("q").0, 1);
}

#[test]
fn changes_say_what_has_gone() {
    let mut bench = Bench::new();
    bench.declare_durable("q", &[("x-max-length", 2.into())]);
    for body in ["1", "2", "3"] {
        bench.publish_with("q", body, persistent());
    }
    bench.consume("q", "c");
    bench.ack(1);
    let changes = bench.changes();
    let mut after = restart(&changes, 0);
    assert_eq!(after.drain("q"), ["3"]);
    bench
        .host
        .delete_queue(bench.connection, "q", false, false, bench.now)
        .unwrap();
    let mut all = changes;
    all.extend(bench.changes());
    assert!(!restart(&all, 0).exists("q"));
}

#[test]
fn positions_are_not_used_again() {
    let mut bench = Bench::new();
    bench.declare_durable("q", &[]);
    bench.publish_with("q", "1", persistent());
    let mut changes = bench.changes();
    let mut bench = restart(&changes, 0);
    bench.publish_with("q", "2", persistent());
    assert_eq!(bench.drain("q"), ["1", "2"]);
    changes.extend(bench.changes());
    assert_eq!(restart(&changes, 0).counts("q").0, 0);
}

#[test]
fn who_takes_without_acknowledging_has_it_before_it_is_written() {
    let mut bench = Bench::new();
    bench.declare_durable("q", &[]);
    bench.consume_no_ack("q", "c");
    bench.changes();
    let published = bench.publish_to("", "q", "x", persistent()).unwrap();
    assert!(!published.stored);
    assert_eq!(bench.bodies(), ["x"]);
    assert!(bench.changes().is_empty());
}

#[test]
fn acknowledgements_are_written_in_runs() {
    let mut bench = Bench::new();
    bench.declare_durable("q", &[]);
    bench.consume("q", "c");
    for _ in 0..100 {
        bench.publish_with("q", "x", persistent());
    }
    bench.changes();
    bench.ack_through(100);
    let changes = bench.changes();
    let [Change::Removed { positions, .. }] = &changes[..] else {
        panic!("{changes:?}");
    };
    assert_eq!(positions.len(), 100);
}

#[test]
fn time_passes_while_the_broker_is_away() {
    let mut bench = Bench::new();
    bench.declare_durable("q", &[]);
    bench.publish_with(
        "q",
        "long",
        BasicProperties {
            delivery_mode: Some(2),
            ..expiring("5000")
        },
    );
    bench.publish_with("q", "forever", persistent());
    let changes = bench.changes();
    let mut early = restart(&changes, 4000);
    early.pass(999);
    assert_eq!(early.counts("q").0, 2);
    early.pass(1);
    assert_eq!(early.drain("q"), ["forever"]);
    let mut late = restart(&changes, 6000);
    late.pass(0);
    assert_eq!(late.drain("q"), ["forever"]);
}

#[test]
fn quorum_queues_keep_all_messages_and_their_counts() {
    let mut bench = Bench::new();
    bench.declare_durable("q", &[("x-queue-type", "quorum".into())]);
    assert!(bench.publish("q", "transient by its properties").stored);
    for _ in 0..2 {
        let tag = bench.get("q").unwrap().delivery_tag;
        bench.requeue(tag);
    }
    let mut bench = restart(&bench.changes(), 0);
    let got = bench.get("q").unwrap();
    assert_eq!(got.extra, Some(Extra::DeliveryCount(2)));
}

#[test]
fn an_exchange_outlives_a_queue_as_it_did() {
    let mut bench = Bench::new();
    bench
        .host
        .declare_exchange(&DeclareExchange {
            name: "e",
            kind: "fanout",
            passive: false,
            durable: true,
            auto_delete: true,
            internal: false,
            arguments: super::NOTHING,
        })
        .unwrap();
    bench.declare_durable("durable", &[]);
    bench.declare("transient", &[]);
    bench.bind("durable", "e", "");
    bench.bind("transient", "e", "");
    let (connection, now) = (bench.connection, bench.now);
    bench
        .host
        .delete_queue(connection, "durable", false, false, now)
        .unwrap();
    let mut changes = bench.changes();
    assert!(restart(&changes, 0).host.exchange("e").is_some());
    bench
        .host
        .delete_queue(connection, "transient", false, false, now)
        .unwrap();
    changes.extend(bench.changes());
    assert!(restart(&changes, 0).host.exchange("e").is_none());
}

#[test]
fn streams_keep_their_offsets() {
    let mut bench = Bench::new();
    bench.declare_durable(
        "s",
        &[
            ("x-queue-type", "stream".into()),
            ("x-max-age", "1s".into()),
        ],
    );
    bench.publish("s", "0");
    bench.pass(800);
    bench.publish("s", "1");
    bench.pass(200);
    let changes = bench.changes();
    assert!(
        changes
            .iter()
            .any(|change| matches!(change, Change::Truncated { .. })),
        "{changes:?}"
    );
    let mut bench = restart(&changes, 1000);
    bench.publish("s", "2");
    bench.qos(10, false);
    bench
        .consume_on(
            bench.channel,
            "s",
            "c",
            &[("x-stream-offset", "first".into())],
        )
        .unwrap();
    let offsets: Vec<_> = bench.deliveries.iter().map(|one| one.extra).collect();
    assert_eq!(
        offsets,
        [1, 2].map(|offset| Some(Extra::StreamOffset(offset)))
    );
    let _: Arc<str> = Arc::clone(&bench.deliveries[0].consumer_tag);
}
