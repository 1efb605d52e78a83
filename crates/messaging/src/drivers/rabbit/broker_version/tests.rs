use super::super::topology::TopologyOptions;
use super::*;

fn check(options: TopologyOptions) -> VersionCheck {
    VersionCheck::new(&Topology::new(options))
}

fn rabbitmq(version: &'static str) -> FieldTable<'static> {
    let mut properties = FieldTable::new();
    properties.insert("product", FieldValue::LongString(b"RabbitMQ".into()));
    properties.insert("version", FieldValue::LongString(version.as_bytes().into()));
    properties
}

#[test]
fn a_broker_that_refuses_the_default_queues_is_warned_of_once() {
    let check = check(TopologyOptions::default());
    for old in ["3.10.8", "3.13.7", "4.0.1", "4.2.0", "four", ""] {
        assert!(!check.check(&rabbitmq(old)), "{old}");
    }
    assert!(check.check(&rabbitmq("4.3.0-rc.1")));
    assert!(!check.check(&rabbitmq("4.3.0")));
}

#[test]
fn later_versions_are_no_better() {
    for version in ["4.3.0", "4.10.0", "5.0.0"] {
        let check = check(TopologyOptions::default());
        assert!(check.check(&rabbitmq(version)), "{version}");
    }
    let other = check(TopologyOptions::default());
    let mut properties = rabbitmq("5.0.0");
    properties.insert("product", FieldValue::LongString(b"LavinMQ".into()));
    assert!(!other.check(&properties));
}

#[test]
fn durable_sets_are_not_warned_of_and_half_durable_ones_are() {
    let quorum = TopologyOptions {
        quorum_queue: true,
        transient_quorum_queue: true,
        ..TopologyOptions::default()
    };
    let classic = TopologyOptions {
        durable_queues: true,
        durable_transient_queues: true,
        ..TopologyOptions::default()
    };
    for options in [quorum.clone(), classic.clone()] {
        assert!(!check(options).check(&rabbitmq("4.3.0")));
    }
    for options in [
        TopologyOptions {
            quorum_queue: false,
            ..quorum
        },
        TopologyOptions {
            durable_transient_queues: false,
            ..classic
        },
    ] {
        assert!(check(options).check(&rabbitmq("4.3.0")));
    }
}
