use super::*;

mod option_sets;

fn server(options: TopologyOptions) -> [Binding; 3] {
    Topology::new(options).server("nova", "compute", "host-1", "compute_fanout_0123")
}

#[test]
fn the_names_of_a_server_are_the_peers() {
    let [any, one, every] = server(TopologyOptions::default());
    assert_eq!((&*any.queue.name, &*any.key), ("compute", "compute"));
    assert_eq!(
        (&*one.queue.name, &*one.key),
        ("compute.host-1", "compute.host-1")
    );
    assert_eq!(
        (&*every.queue.name, &*every.key),
        ("compute_fanout_0123", "compute")
    );
    assert_eq!(&*any.exchange.unwrap().name, "nova");
    assert_eq!(&*one.exchange.unwrap().name, "nova");
    assert_eq!(&*every.exchange.unwrap().name, "compute_fanout");
}

#[test]
fn default_declarations_are_the_peers() {
    let [any, _, every] = server(TopologyOptions::default());
    let exchange = any.exchange.unwrap();
    assert_eq!(exchange.kind, ExchangeType::Topic);
    assert!(!exchange.durable && !exchange.auto_delete);
    assert!(!any.queue.durable && !any.queue.auto_delete && any.queue.arguments.is_empty());

    let fanout = every.exchange.unwrap();
    assert_eq!(fanout.kind, ExchangeType::Fanout);
    assert!(!fanout.durable && fanout.auto_delete);
    assert!(!every.queue.durable && !every.queue.auto_delete);
    assert_eq!(
        every.queue.arguments,
        [("x-expires", Argument::Int(1_800_000))]
    );

    let replies = Topology::default().replies("reply_0123");
    assert_eq!(replies.exchange, None);
    assert_eq!(replies.queue.arguments, every.queue.arguments);
}

#[test]
fn durable_queues_leave_fanout_and_replies_transient() {
    let [any, one, every] = server(TopologyOptions {
        durable_queues: true,
        ..TopologyOptions::default()
    });
    assert!(any.queue.durable && one.queue.durable && any.exchange.unwrap().durable);
    assert!(!every.queue.durable && !every.exchange.unwrap().durable);
}

#[test]
fn auto_delete_concerns_topic_queues_only() {
    let [any, _, every] = server(TopologyOptions {
        auto_delete: true,
        ..TopologyOptions::default()
    });
    assert!(any.queue.auto_delete && any.exchange.unwrap().auto_delete);
    assert!(!every.queue.auto_delete);
}

#[test]
fn quorum_queues_carry_their_limits() {
    let [any, _, every] = server(TopologyOptions {
        quorum_queue: true,
        quorum_delivery_limit: 5,
        quorum_max_memory_length: 1000,
        quorum_max_memory_bytes: 1_048_576,
        ..TopologyOptions::default()
    });
    assert!(any.queue.durable && any.exchange.unwrap().durable);
    assert_eq!(
        any.queue.arguments,
        [
            ("x-queue-type", Argument::Text("quorum".into())),
            ("x-delivery-limit", Argument::Int(5)),
            ("x-max-in-memory-length", Argument::Int(1000)),
            ("x-max-in-memory-bytes", Argument::Int(1_048_576)),
        ]
    );
    assert_eq!(
        every.queue.arguments,
        [("x-expires", Argument::Int(1_800_000))]
    );
}

#[test]
fn transient_quorum_queues_make_fanout_and_replies_durable() {
    let [any, _, every] = server(TopologyOptions {
        transient_quorum_queue: true,
        ..TopologyOptions::default()
    });
    assert!(!any.queue.durable);
    let exchange = every.exchange.unwrap();
    assert!(exchange.durable && exchange.auto_delete && every.queue.durable);
    assert_eq!(
        every.queue.arguments,
        [
            ("x-queue-type", Argument::Text("quorum".into())),
            ("x-expires", Argument::Int(1_800_000))
        ]
    );
}

#[test]
fn the_remaining_options_change_one_argument_each() {
    let [any, _, every] = server(TopologyOptions {
        ha_queues: true,
        transient_queues_ttl: 0,
        ..TopologyOptions::default()
    });
    assert_eq!(
        any.queue.arguments,
        [("x-ha-policy", Argument::Text("all".into()))]
    );
    assert_eq!(
        every.queue.arguments,
        [("x-ha-policy", Argument::Text("all".into()))]
    );

    let options = TopologyOptions {
        cancel_on_failover: true,
        ..TopologyOptions::default()
    };
    assert_eq!(
        Topology::new(options).consume_arguments(),
        [("x-cancel-on-ha-failover", Argument::Bool(true))]
    );
    assert!(Topology::default().consume_arguments().is_empty());
}

#[test]
fn a_notification_queue_is_named_by_topic_and_priority_or_by_its_pool() {
    let plain = Topology::default().notifications("nova", "notifications", "INFO", None);
    assert_eq!(
        (&*plain.queue.name, &*plain.key),
        ("notifications.info", "notifications.info")
    );
    let pool = Topology::default().notifications("nova", "notifications", "info", Some("meters"));
    assert_eq!(
        (&*pool.queue.name, &*pool.key),
        ("meters", "notifications.info")
    );
}

#[test]
fn a_temporary_pool_deletes_itself_whatever_other_queues_are() {
    let topology = Topology::new(TopologyOptions {
        quorum_queue: true,
        transient_quorum_queue: true,
        ..TopologyOptions::default()
    });
    let Binding {
        exchange,
        queue,
        key,
    } = topology.temporary_pool("nova", "notifications", "INFO", "me");
    assert_eq!(exchange, Some(topology.topic_exchange("nova")));
    assert_eq!((&*queue.name, &*key), ("me", "notifications.info"));
    assert!(queue.auto_delete && !queue.durable);
    assert_eq!(queue.arguments, [("x-expires", Argument::Int(1_800_000))]);
}

#[test]
fn a_stream_takes_the_place_of_fanout_queues() {
    let stream = |ttl| {
        let options = TopologyOptions {
            transient_quorum_queue: true,
            stream_fanout: true,
            transient_queues_ttl: ttl,
            ha_queues: true,
            ..TopologyOptions::default()
        };
        let topology = Topology::new(options);
        let name = topology.fanout_stream("compute").unwrap();
        let [_, _, every] = topology.server("nova", "compute", "host-1", &name);
        every
    };
    let every = stream(60);
    assert_eq!(&*every.queue.name, "compute_fanout");
    assert!(every.queue.durable && every.exchange.unwrap().durable);
    assert_eq!(
        every.queue.arguments,
        [
            ("x-queue-type", Argument::Text("stream".into())),
            ("x-max-age", Argument::Text("60s".into()))
        ]
    );
    assert_eq!(stream(0).queue.arguments.len(), 1);
    assert_eq!(Topology::default().fanout_stream("compute"), None);
}

#[test]
fn durable_reply_and_fanout_queues_still_expire_and_keep_the_peers_exchange() {
    let topology = Topology::new(TopologyOptions {
        durable_queues: true,
        durable_transient_queues: true,
        ..TopologyOptions::default()
    });
    let [any, one, every] = topology.server("nova", "compute", "host-1", "compute_fanout_0123");
    let replies = topology.replies("reply_0123").queue;
    let expires = [("x-expires", Argument::Int(1_800_000))];
    for queue in [&every.queue, &replies] {
        assert!(queue.durable);
        assert_eq!(queue.arguments, expires);
    }
    assert!(any.queue.durable && one.queue.durable && !topology.has_transient_queues());
    assert!(!every.exchange.unwrap().durable);
    assert!(Topology::default().has_transient_queues());
}
