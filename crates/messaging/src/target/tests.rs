use std::collections::HashSet;

use super::*;

fn full() -> Target {
    Target::default()
        .with_exchange("nova")
        .with_topic("compute")
        .with_namespace("baseapi")
        .with_version((5, 13))
        .with_server("host-1")
        .with_fanout(true)
        .with_legacy_namespaces(["base", "old"])
}

#[test]
fn display_lists_set_fields_only() {
    assert_eq!(Target::default().to_string(), "<Target>");
    assert_eq!(
        Target::default().with_topic("t").to_string(),
        "<Target topic=t>"
    );
    assert_eq!(
        full().to_string(),
        "<Target exchange=nova, topic=compute, namespace=baseapi, version=5.13, server=host-1, \
         fanout=true, legacy_namespaces=base|old>"
    );
}

#[test]
fn copies_keep_every_other_field() {
    let changed = full().with_server("host-2");
    assert_eq!(changed.legacy_namespaces, ["base", "old"]);
    assert_eq!(
        changed,
        Target {
            server: Some("host-2".into()),
            ..full()
        }
    );
    assert_eq!(
        full().with_exchange("x"),
        Target {
            exchange: Some("x".into()),
            ..full()
        }
    );
    assert_eq!(
        full().with_topic("x"),
        Target {
            topic: Some("x".into()),
            ..full()
        }
    );
    assert_eq!(
        full().with_namespace("x"),
        Target {
            namespace: Some("x".into()),
            ..full()
        }
    );
    assert_eq!(
        full().with_version((6, 0)),
        Target {
            version: Some((6, 0).into()),
            ..full()
        }
    );
    assert_eq!(
        full().with_fanout(false),
        Target {
            fanout: false,
            ..full()
        }
    );
}

#[test]
fn equal_targets_hash_alike() {
    let set: HashSet<Target> = [full(), full(), Target::default()].into();
    assert_eq!(set.len(), 2);
    assert_ne!(full(), full().with_legacy_namespaces(["base"]));
}

#[test]
fn accepted_namespaces_are_the_own_one_then_the_legacy_ones() {
    let accepted: Vec<_> = full()
        .accepted_namespaces()
        .map(|n| n.map(str::to_owned))
        .collect();
    assert_eq!(
        accepted,
        [
            Some("baseapi".to_owned()),
            Some("base".into()),
            Some("old".into())
        ]
    );
    assert!(Target::default().accepts_namespace(None));
    assert!(!Target::default().accepts_namespace(Some("x")));
    assert!(!full().accepts_namespace(None));
}

#[test]
fn checks_use_the_peers_texts() {
    let bare = Target::default().with_server("s");
    assert_eq!(
        bare.check_send().unwrap_err().to_string(),
        "A topic is required to send: <Target server=s>"
    );
    assert_eq!(
        bare.check_listen().unwrap_err().to_string(),
        "A server's target must have topic and server names specified: <Target server=s>"
    );
    assert_eq!(
        bare.check_listen_for_notifications()
            .unwrap_err()
            .to_string(),
        "A target must have topic specified: <Target server=s>"
    );
    let topic = Target::default().with_topic("t");
    assert_eq!(topic.check_call(), Ok("t"));
    assert_eq!(
        topic
            .with_fanout(true)
            .check_call()
            .unwrap_err()
            .to_string(),
        "A call cannot be used with fanout: <Target topic=t, fanout=true>"
    );
    assert_eq!(topic.check_send(), Ok("t"));
    assert!(matches!(
        topic.check_listen(),
        Err(InvalidTarget::NoTopicOrServer(_))
    ));
    assert_eq!(topic.with_server("s").check_listen(), Ok(("t", "s")));
    // An empty name is no name, as for the peer.
    assert!(topic.with_topic("").check_send().is_err());
    assert!(topic.with_server("").check_listen().is_err());
}

#[test]
fn roles_convert_both_ways() {
    let server: Target = ServerTarget::new("t", "s").exchange("e").into();
    assert_eq!(
        server,
        Target::default()
            .with_topic("t")
            .with_server("s")
            .with_exchange("e")
    );
    assert!(ServerTarget::try_from(server.clone()).is_ok());
    assert!(ServerTarget::try_from(Target::default()).is_err());
    let client: Target = ClientTarget::new("t")
        .exchange("e")
        .namespace("n")
        .version((1, 2))
        .server("s")
        .into();
    assert_eq!(client, server.with_namespace("n").with_version((1, 2)));
    assert!(Target::from(ClientTarget::new("t").fanout()).fanout);
    assert!(ClientTarget::try_from(Target::default()).is_err());
    let endpoint: Target = EndpointTarget::new()
        .namespace("n")
        .version((1, 2))
        .legacy_namespace("o")
        .into();
    let expected = Target::default().with_namespace("n").with_version((1, 2));
    assert_eq!(endpoint, expected.with_legacy_namespaces(["o"]));
}

#[test]
fn versions_parse_and_print() {
    assert_eq!("1.0".parse(), Ok(Version::DEFAULT));
    assert_eq!("5.13.2".parse(), Ok(Version::from((5, 13, 2))));
    assert_eq!(Version::from((5, 13, 2)).to_string(), "5.13.2");
    assert_eq!(Version::new(5, 13).to_string(), "5.13");
    for bad in [
        "",
        "1",
        "2.",
        ".1",
        "1.x",
        "+1.0",
        "1.-2",
        "1.2.3.4",
        "1.2.",
        "99999999999.0",
    ] {
        assert!(bad.parse::<Version>().is_err(), "{bad}");
    }
    let long = "9".repeat(1000).parse::<Version>().unwrap_err().to_string();
    assert!(long.len() < 200, "{long}");
}

#[test]
fn compatible_versions() {
    let accepts = |offered: &str, requested: &str| {
        offered
            .parse::<Version>()
            .unwrap()
            .accepts(requested.parse().unwrap())
    };
    for (offered, requested) in [
        ("1.0", "1.0"),
        ("1.5", "1.2"),
        ("1.5", "1.2.9"),
        ("1.5.1", "1.5"),
        ("1.5.1", "1.5.1"),
    ] {
        assert!(
            accepts(offered, requested),
            "{offered} should serve {requested}"
        );
    }
    for (offered, requested) in [
        ("1.0", "1.1"),
        ("2.0", "1.0"),
        ("1.0", "2.0"),
        ("1.5", "1.5.1"),
    ] {
        assert!(
            !accepts(offered, requested),
            "{offered} should not serve {requested}"
        );
    }
}
