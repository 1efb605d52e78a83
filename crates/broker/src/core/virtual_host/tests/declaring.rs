use bergen_amqp::codec::FieldTable;

use super::{Bench, NOTHING, persistent, queue, refused};
use crate::core::{Bind, DeclareQueue, HostSettings, Scope};

const LOCKED: &str = "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could \
                      be originally declared on another connection or the exclusive property value does not match \
                      that of the original declaration.";

#[test]
fn declaring_again_asks_for_the_same() {
    let mut bench = Bench::new();
    bench.declare("q", &[("x-expires", 1000.into())]);
    bench.publish("q", "x");
    let again = bench.try_declare("q", false, &[("x-expires", 1000.into())]);
    assert_eq!(again.unwrap().message_count, 1);
    assert_eq!(
        refused(bench.try_declare("q", true, &[("x-expires", 1000.into())])),
        "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': received 'true' but current is \
         'false'"
    );
    let refusal = bench
        .try_declare("q", false, &[("x-expires", 1001.into())])
        .unwrap_err();
    assert_eq!((refusal.code, refusal.scope), (406, Scope::Channel));
    assert!(
        refusal.text.starts_with(
            "PRECONDITION_FAILED - inequivalent arg 'x-expires' for queue 'q' in vhost '/'"
        ),
        "{}",
        refusal.text
    );
    let auto_delete = DeclareQueue {
        auto_delete: true,
        ..queue("q")
    };
    assert_eq!(
        refused(
            bench
                .host
                .declare_queue(bench.connection, &auto_delete, bench.now)
        ),
        "PRECONDITION_FAILED - inequivalent arg 'auto_delete' for queue 'q' in vhost '/': received 'true' but \
         current is 'false'"
    );
}

#[test]
fn passive_declares_only_ask() {
    let mut bench = Bench::new();
    let passive = DeclareQueue {
        passive: true,
        durable: true,
        ..queue("q")
    };
    let ask = |bench: &mut Bench| {
        bench
            .host
            .declare_queue(bench.connection, &passive, bench.now)
    };
    assert_eq!(
        refused(ask(&mut bench)),
        "NOT_FOUND - no queue 'q' in vhost '/'"
    );
    bench.declare("q", &[]);
    // What it was declared as does not matter.
    assert_eq!(ask(&mut bench).unwrap().name.as_ref(), "q");
}

#[test]
fn exclusive_queues_are_for_one_connection_and_go_with_it() {
    let mut bench = Bench::new();
    let exclusive = DeclareQueue {
        exclusive: true,
        durable: true,
        ..queue("q")
    };
    bench
        .host
        .declare_queue(bench.connection, &exclusive, bench.now)
        .unwrap();
    let (other, channel) = bench.client();
    let now = bench.now;
    let bind = Bind {
        source: "amq.direct",
        destination: "q",
        routing_key: "k",
        arguments: NOTHING,
    };
    let host = &mut bench.host;
    assert_eq!(refused(host.declare_queue(other, &queue("q"), now)), LOCKED);
    let passive = DeclareQueue {
        passive: true,
        ..queue("q")
    };
    assert_eq!(refused(host.declare_queue(other, &passive, now)), LOCKED);
    assert_eq!(refused(host.declare_queue(other, &exclusive, now)), LOCKED);
    assert_eq!(
        refused(host.delete_queue(other, "q", false, false, now)),
        LOCKED
    );
    assert_eq!(refused(host.purge_queue(other, "q", now)), LOCKED);
    assert_eq!(refused(host.bind_queue(other, &bind)), LOCKED);
    assert_eq!(refused(host.get(channel, "q", true, now)), LOCKED);
    assert_eq!(refused(bench.consume_on(channel, "q", "c", &[])), LOCKED);
    // Its own connection may not declare it otherwise either.
    assert_eq!(refused(bench.try_declare("q", false, &[])), LOCKED);
    bench.bind("q", "amq.direct", "k");
    let host = &mut bench.host;
    assert_eq!(refused(host.unbind_queue(other, &bind)), LOCKED);
    let elsewhere = Bind {
        routing_key: "not bound",
        ..bind
    };
    host.unbind_queue(other, &elsewhere).unwrap();
    // A missing exchange is named first.
    let nowhere = Bind {
        source: "nox",
        ..bind
    };
    assert_eq!(
        refused(bench.host.bind_queue(other, &nowhere)),
        "NOT_FOUND - no exchange 'nox' in vhost '/'"
    );
    // Anybody may publish.
    assert!(bench.publish("q", "x").routed);
    assert!(bench.changes().is_empty(), "it is never durable");
    bench.host.disconnect(bench.connection, now);
    assert!(!bench.exists("q"));
    assert_eq!(bench.host.message_bytes(), 0);
}

#[test]
fn names_are_made_up_and_reserved() {
    let mut bench = Bench::new();
    let first = bench.try_declare("", false, &[]).unwrap().name;
    let second = bench.try_declare("", false, &[]).unwrap().name;
    assert!(first.starts_with("amq.gen-") && first.len() == 30 && first != second);
    let refusal = bench.try_declare(&first, false, &[]).unwrap_err();
    assert_eq!(refusal.code, 403);
    assert_eq!(
        refusal.text,
        format!("ACCESS_REFUSED - queue name '{first}' contains reserved prefix 'amq.*'")
    );
    assert_eq!(bench.counts(&first), (0, 0));
    let quorum = bench.try_declare("", true, &[("x-queue-type", "quorum".into())]);
    assert_eq!(
        refused(quorum),
        "PRECONDITION_FAILED - Cannot declare a server-named queue for type rabbit_quorum_queue"
    );
}

#[test]
fn auto_delete_queues_go_with_their_last_consumer() {
    let mut bench = Bench::new();
    let declare = DeclareQueue {
        auto_delete: true,
        ..queue("q")
    };
    bench
        .host
        .declare_queue(bench.connection, &declare, bench.now)
        .unwrap();
    // Not before there was one.
    bench.pass(1_000_000);
    assert!(bench.exists("q"));
    let other = bench.another_channel();
    bench.consume("q", "c");
    bench.consume_on(other, "q", "d", &[]).unwrap();
    bench.host.cancel(bench.channel, "c", bench.now);
    assert!(bench.exists("q"));
    bench.host.close_channel(other, bench.now);
    assert!(!bench.exists("q"));
    bench.poll();
    assert!(bench.cancelled.is_empty());
}

#[test]
fn deleting_heeds_consumers_and_messages() {
    let mut bench = Bench::new();
    bench.declare("q", &[]);
    bench.publish("q", "x");
    let delete = |bench: &mut Bench, if_unused, if_empty| {
        bench
            .host
            .delete_queue(bench.connection, "q", if_unused, if_empty, bench.now)
    };
    assert_eq!(
        refused(delete(&mut bench, false, true)),
        "PRECONDITION_FAILED - queue 'q' in vhost '/' not empty"
    );
    bench.consume("q", "c");
    bench.publish("q", "y");
    assert_eq!(
        refused(delete(&mut bench, true, true)),
        "PRECONDITION_FAILED - queue 'q' in vhost '/' in use"
    );
    // Messages that are delivered do not count.
    assert_eq!(delete(&mut bench, false, true).unwrap(), 0);
    bench.poll();
    assert_eq!(bench.cancelled, [(bench.channel, "c".into())]);
    assert_eq!(bench.host.message_bytes(), 0);
    // Who has deliveries of it may still settle them.
    bench.ack(1);
    bench.requeue(2);
    assert_eq!(delete(&mut bench, true, true).unwrap(), 0);
}

#[test]
fn deleting_and_purging_count_what_was_ready() {
    let mut bench = Bench::new();
    bench.declare("q", &[]);
    for _ in 0..5 {
        bench.publish("q", "x");
    }
    bench.get("q").unwrap();
    let (connection, now) = (bench.connection, bench.now);
    assert_eq!(bench.host.purge_queue(connection, "q", now).unwrap(), 4);
    assert_eq!(bench.host.queue("q").unwrap().unacknowledged, 1);
    bench.requeue(1);
    bench.publish("q", "x");
    let deleted = bench
        .host
        .delete_queue(connection, "q", false, false, now)
        .unwrap();
    assert_eq!(deleted, 2);
    assert_eq!(bench.host.message_bytes(), 0);
    assert_eq!(
        refused(bench.host.purge_queue(connection, "q", now)),
        "NOT_FOUND - no queue 'q' in vhost '/'"
    );
}

#[test]
fn quorum_queues_refuse_what_rabbitmq_refuses() {
    let mut bench = Bench::new();
    let quorum = ("x-queue-type", "quorum".into());
    assert_eq!(
        refused(bench.try_declare("q", false, std::slice::from_ref(&quorum))),
        "PRECONDITION_FAILED - invalid property 'non-durable' for queue 'q' in vhost '/'"
    );
    bench.declare_durable("q", &[quorum]);
    let (connection, now) = (bench.connection, bench.now);
    let refusal = bench
        .host
        .delete_queue(connection, "q", true, false, now)
        .unwrap_err();
    assert_eq!((refusal.code, refusal.scope), (540, Scope::Connection));
    assert_eq!(
        refusal.text,
        "NOT_IMPLEMENTED - cannot delete queue 'q' in vhost '/'. queue.delete operations with if-unused flag set \
         are not supported by quorum queues"
    );
    bench.qos(1, true);
    assert_eq!(
        refused(bench.consume_on(bench.channel, "q", "c", &[])),
        "NOT_IMPLEMENTED - queue 'q' in vhost '/' does not support global qos"
    );
}

#[test]
fn a_host_may_refuse_transient_shared_queues() {
    let mut bench = Bench::with(HostSettings {
        transient_shared_queues: false,
        ..HostSettings::default()
    });
    let refusal = bench.try_declare("q", false, &[]).unwrap_err();
    assert_eq!((refusal.code, refusal.scope), (541, Scope::Connection));
    assert!(refusal.text.contains("transient_nonexcl_queues"));
    bench.declare_durable("q", &[]);
    let exclusive = DeclareQueue {
        exclusive: true,
        ..queue("mine")
    };
    bench
        .host
        .declare_queue(bench.connection, &exclusive, bench.now)
        .unwrap();
}

#[test]
fn there_are_no_more_queues_than_there_may_be() {
    let mut bench = Bench::with(HostSettings {
        max_queues: 2,
        ..HostSettings::default()
    });
    bench.declare("a", &[]);
    bench.declare("b", &[]);
    assert_eq!(
        refused(bench.try_declare("c", false, &[])),
        "PRECONDITION_FAILED - cannot declare queue 'c': queue limit in vhost '/' (2) is reached"
    );
    bench.declare("b", &[]);
    bench
        .host
        .delete_queue(bench.connection, "a", false, false, bench.now)
        .unwrap();
    bench.declare("c", &[]);
}

#[test]
fn large_arguments_do_not_fill_the_memory() {
    let mut bench = Bench::with(HostSettings {
        max_definitions: 100_000,
        ..HostSettings::default()
    });
    let base = bench.host.definition_bytes();
    let mut refused = None;
    for number in 0..100 {
        let argument = ("note", "x".repeat(10_000).into());
        let name = number.to_string();
        if let Err(refusal) = bench.try_declare(&name, false, &[argument]) {
            refused.get_or_insert((number, refusal.code));
        }
    }
    let (made, code) = refused.unwrap();
    assert!((5..10).contains(&made) && code == 406, "{refused:?}");
    for number in 0..made {
        let name = number.to_string();
        bench
            .host
            .delete_queue(bench.connection, &name, false, false, bench.now)
            .unwrap();
    }
    assert_eq!(bench.host.definition_bytes(), base);
    bench.declare("q", &[]);
    let key = "k".repeat(200);
    for number in 0..1000 {
        let bind = Bind {
            source: "amq.topic",
            destination: "q",
            routing_key: &format!("{key}{number}"),
            arguments: NOTHING,
        };
        if let Err(refusal) = bench.host.bind_queue(bench.connection, &bind) {
            assert_eq!(refusal.code, 406);
            break;
        }
    }
    assert!(bench.host.bindings().count() > 10);
    assert!(bench.host.definition_bytes() <= 100_000);
    bench
        .host
        .delete_queue(bench.connection, "q", false, false, bench.now)
        .unwrap();
    assert_eq!(bench.host.definition_bytes(), base);
    bench.declare("q", &[]);
    for number in 0..1000 {
        let tag = number.to_string();
        if bench.consume_on(bench.channel, "q", &tag, &[]).is_err() {
            break;
        }
    }
    assert!(bench.host.definition_bytes() <= 100_000);
    bench.host.disconnect(bench.connection, bench.now);
    let left = bench.host.queue("q").unwrap().memory;
    assert_eq!(bench.host.definition_bytes(), base + left);
}

#[test]
fn an_idle_queue_is_small() {
    let size = size_of::<crate::core::queue::Queue<bytes::Bytes>>();
    assert!(size <= 800, "{size}");
}

#[test]
fn unbinding_what_is_not_there_succeeds() {
    let mut bench = Bench::new();
    bench.declare("q", &[]);
    for (source, destination) in [("amq.direct", "q"), ("nox", "q"), ("amq.direct", "noq")] {
        bench
            .host
            .unbind_queue(
                bench.connection,
                &Bind {
                    source,
                    destination,
                    routing_key: "k",
                    arguments: &FieldTable::new(),
                },
            )
            .unwrap();
    }
}

#[test]
fn purged_messages_of_a_durable_queue_are_written_off() {
    let mut bench = Bench::new();
    bench.declare_durable("q", &[]);
    bench.publish_with("q", "x", persistent());
    bench.publish_with("q", "y", persistent());
    bench.changes();
    bench
        .host
        .purge_queue(bench.connection, "q", bench.now)
        .unwrap();
    let changes = bench.changes();
    assert!(
        matches!(&changes[..], [crate::core::Change::Removed { positions, .. }] if positions.len() == 2),
        "{changes:?}"
    );
}
