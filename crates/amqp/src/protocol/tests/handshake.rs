use std::time::Duration;

use super::pair::{Pair, client_config};
use crate::{
    codec::FieldTable,
    protocol::{CloseReason, Event, Login, Phase, ServerConfig, Tuning, Violation},
};

#[test]
fn both_ends_learn_who_the_other_is_and_what_was_agreed() {
    let mut client = client_config();
    client.virtual_host = "nova".into();
    client.client_properties = FieldTable::new().with("product", "bergen");
    let server = ServerConfig {
        server_properties: FieldTable::new().with("product", "test"),
        ..ServerConfig::default()
    };
    let mut pair = Pair::new(client, server, 1);
    pair.drive();
    let Event::LoginRequested {
        login,
        client_properties,
    } = pair.server.event()
    else {
        panic!("no login");
    };
    assert_eq!(login, Login::plain("guest", "secret"));
    assert_eq!(
        client_properties.get("product").unwrap().as_str(),
        Some("bergen")
    );
    let capabilities = client_properties
        .get("capabilities")
        .unwrap()
        .as_table()
        .unwrap();
    for name in [
        "authentication_failure_close",
        "basic.nack",
        "connection.blocked",
        "consumer_cancel_notify",
        "exchange_exchange_bindings",
        "publisher_confirms",
    ] {
        assert_eq!(
            capabilities.get(name).unwrap().as_bool(),
            Some(true),
            "{name}"
        );
    }
    pair.server.connection.accept();
    pair.drive();
    assert_eq!(
        pair.server.event(),
        Event::OpenRequested {
            virtual_host: "nova".into()
        }
    );
    pair.server.connection.accept();
    pair.drive();
    let Event::Connected {
        peer_properties,
        tuning,
    } = pair.client.event()
    else {
        panic!("not connected");
    };
    assert_eq!(
        peer_properties.get("product").unwrap().as_str(),
        Some("test")
    );
    let agreed = Tuning {
        channel_max: 2047,
        frame_max: 131_072,
        heartbeat: Some(Duration::from_mins(1)),
    };
    assert_eq!(tuning, agreed);
    assert_eq!(pair.server.connection.tuning(), Some(agreed));
}

#[test]
fn the_smaller_wish_counts_and_zero_is_no_wish() {
    // (client, server, agreed) as (channel_max, frame_max, heartbeat seconds).
    for (client, server, agreed) in [
        ((100, 8192, 10), (200, 131_072, 60), (100, 8192, 10)),
        ((2047, 131_072, 60), (10, 4096, 5), (10, 4096, 5)),
        ((0, 131_072, 60), (0, 131_072, 0), (65_535, 131_072, 60)),
        ((2047, 131_072, 0), (2047, 131_072, 60), (2047, 131_072, 0)),
    ] {
        let mut ours = client_config();
        (ours.channel_max, ours.frame_max) = (client.0, client.1);
        ours.heartbeat = Duration::from_secs(client.2);
        let theirs = ServerConfig {
            channel_max: server.0,
            frame_max: server.1,
            heartbeat: Duration::from_secs(server.2),
            ..ServerConfig::default()
        };
        let pair = Pair::connected_with(ours, theirs, 1);
        let tuning = pair.client.connection.tuning().unwrap();
        assert_eq!(pair.server.connection.tuning(), Some(tuning));
        let heartbeat = tuning.heartbeat.map_or(0, |interval| interval.as_secs());
        assert_eq!((tuning.channel_max, tuning.frame_max, heartbeat), agreed);
    }
}

#[test]
fn point_11_frame_max_has_a_floor_and_bodies_have_pieces() {
    let mut client = client_config();
    client.frame_max = 1;
    let server = ServerConfig {
        frame_max: 0,
        ..ServerConfig::default()
    };
    let mut pair = Pair::connected_with(client, server, 1);
    assert_eq!(pair.client.connection.tuning().unwrap().frame_max, 4096);
    let (channel, _) = pair.open_channel();
    let properties = super::with_id("1");
    let body = vec![7; 10_000];
    let publish = super::publish("q", &properties, body.clone());
    pair.client.connection.publish(channel, &publish).unwrap();
    pair.drive();
    let Event::Published { message, .. } = pair.server.event() else {
        panic!("nothing published");
    };
    assert_eq!(message.body, body);
    assert_eq!(pair.client.connection.stats().sent.bodies, 3);
}

#[test]
fn a_frame_max_of_zero_leaves_our_own_cap() {
    let mut client = client_config();
    client.frame_max = 50_000;
    let mut pair = Pair::new(client, ServerConfig::default(), 1);
    pair.drive();
    // A server without a limit, by hand: start-ok is out, so `tune` is what comes next.
    let mut tune = bytes::BytesMut::new();
    let method = crate::codec::methods::connection::Tune::default().into();
    crate::codec::frame::encode_method(0, &method, 4096, &mut tune).unwrap();
    pair.client.inject(&tune, pair.now);
    let tuning = pair.client.connection.tuning().unwrap();
    assert_eq!((tuning.frame_max, tuning.channel_max), (50_000, 2047));
}

#[test]
fn point_16_refused_credentials_are_reported() {
    let mut pair = Pair::new(client_config(), ServerConfig::default(), 1);
    pair.drive();
    pair.server.event();
    pair.server
        .connection
        .refuse(403, "ACCESS_REFUSED - no", pair.now);
    pair.drive();
    let Event::Closed {
        reason: CloseReason::Peer { close, phase },
    } = pair.client.event()
    else {
        panic!("not closed by the peer");
    };
    assert_eq!(
        (close.code, close.text.as_str(), phase),
        (403, "ACCESS_REFUSED - no", Phase::Login)
    );
    let refused = CloseReason::Refused {
        code: 403,
        text: "ACCESS_REFUSED - no".into(),
    };
    assert_eq!(pair.server.event(), Event::Closed { reason: refused });
    assert!(pair.client.connection.is_closed() && pair.server.connection.is_closed());
}

#[test]
fn point_16_a_missing_virtual_host_is_reported() {
    let mut pair = Pair::new(client_config(), ServerConfig::default(), 1);
    pair.drive();
    pair.server.event();
    pair.server.connection.accept();
    pair.drive();
    pair.server.event();
    pair.server
        .connection
        .refuse(530, "NOT_ALLOWED - vhost / not found", pair.now);
    pair.drive();
    let Event::Closed {
        reason: CloseReason::Peer { close, phase },
    } = pair.client.event()
    else {
        panic!("not closed by the peer");
    };
    assert_eq!((close.code, phase), (530, Phase::Open));
}

#[test]
fn point_16_a_stream_that_ends_in_the_handshake_is_reported() {
    let mut pair = Pair::new(client_config(), ServerConfig::default(), 1);
    pair.drive();
    pair.cut();
    let reason = CloseReason::Disconnected {
        phase: Phase::Login,
    };
    assert_eq!(pair.client.event(), Event::Closed { reason });
}

#[test]
fn point_16_a_silent_server_times_out() {
    let mut pair = Pair::new(client_config(), ServerConfig::default(), 1);
    pair.silent = true;
    pair.advance(Duration::from_secs(4));
    assert!(!pair.client.connection.is_closed());
    pair.advance(Duration::from_secs(2));
    let limit = Duration::from_secs(5);
    let reason = CloseReason::HandshakeTimedOut {
        limit,
        phase: Phase::Greeting,
    };
    assert_eq!(pair.client.event(), Event::Closed { reason });
    assert!(!pair.client.connection.has_output());
}

#[test]
fn a_silent_client_times_out() {
    let mut pair = Pair::new(client_config(), ServerConfig::default(), 1);
    pair.silent = true;
    pair.advance(Duration::from_secs(11));
    let limit = Duration::from_secs(10);
    let reason = CloseReason::HandshakeTimedOut {
        limit,
        phase: Phase::Greeting,
    };
    assert_eq!(pair.server.event(), Event::Closed { reason });
}

#[test]
fn a_mechanism_that_is_not_offered_is_named() {
    let server = ServerConfig {
        mechanisms: vec!["EXTERNAL".into()],
        ..ServerConfig::default()
    };
    let mut pair = Pair::new(client_config(), server, 1);
    pair.drive();
    let offered = "EXTERNAL".to_owned();
    let reason = CloseReason::MechanismNotOffered {
        wanted: "PLAIN",
        offered,
    };
    assert_eq!(pair.client.event(), Event::Closed { reason });
}

#[test]
fn values_that_do_not_fit_end_the_handshake() {
    let mut client = client_config();
    client.virtual_host = "v".repeat(256);
    let mut pair = Pair::new(client, ServerConfig::default(), 1);
    pair.drive();
    pair.server.event();
    pair.server.connection.accept();
    pair.drive();
    assert!(matches!(
        pair.client.event(),
        Event::Closed {
            reason: CloseReason::Unsendable(_)
        }
    ));
}

#[test]
fn other_protocols_are_recognised_at_both_ends() {
    let mut pair = Pair::new(client_config(), ServerConfig::default(), 1);
    pair.client
        .inject(b"HTTP/1.1 400 Bad Request\r\n", pair.now);
    let received = b"HTTP/1.1".to_vec();
    assert_eq!(
        pair.client.event(),
        Event::Closed {
            reason: CloseReason::NotAmqp { received }
        }
    );

    let mut pair = Pair::new(client_config(), ServerConfig::default(), 1);
    pair.client.inject(b"AMQP\x03", pair.now);
    assert!(!pair.client.connection.is_closed());
    pair.client.inject(b"\x01\x00\x00", pair.now);
    assert!(pair.client.connection.is_closed());

    let mut pair = Pair::new(client_config(), ServerConfig::default(), 1);
    pair.server.inject(b"GET / HTTP/1.1\r\n", pair.now);
    assert!(pair.server.connection.is_closed());
    assert_eq!(
        &pair.server.take_output(pair.now)[..],
        b"AMQP\x00\x00\x09\x01"
    );
}

#[test]
fn a_client_that_asks_for_more_than_was_offered_is_refused() {
    use crate::codec::methods::connection::TuneOk;
    for (tune_ok, parameter, value, offered) in [
        (
            TuneOk {
                channel_max: 3000,
                frame_max: 8192,
                heartbeat: 0,
            },
            "channel_max",
            3000,
            2047,
        ),
        (
            TuneOk {
                channel_max: 1,
                frame_max: 200_000,
                heartbeat: 0,
            },
            "frame_max",
            200_000,
            131_072,
        ),
        (
            TuneOk {
                channel_max: 1,
                frame_max: 4095,
                heartbeat: 0,
            },
            "frame_max",
            4095,
            131_072,
        ),
    ] {
        let mut pair = Pair::new(client_config(), ServerConfig::default(), 1);
        pair.drive();
        pair.server.event();
        pair.server.connection.accept();
        let mut bytes = bytes::BytesMut::new();
        crate::codec::frame::encode_method(0, &tune_ok.into(), 4096, &mut bytes).unwrap();
        pair.server.inject(&bytes, pair.now);
        pair.cut();
        let violation = Violation::BadTuning {
            parameter,
            value,
            offered,
        };
        assert_eq!(
            pair.server.event(),
            Event::Closed {
                reason: CloseReason::Misbehaved(violation)
            }
        );
    }
}

#[test]
fn passwords_do_not_appear_in_debug() {
    let shown = format!("{:?}", client_config());
    assert!(
        shown.contains("guest") && !shown.contains("secret"),
        "{shown}"
    );
    // `start-ok` is ready to leave.
    let mut pair = Pair::new(client_config(), ServerConfig::default(), 1);
    let header = pair.client.take_output(pair.now);
    pair.server.inject(&header, pair.now);
    let start = pair.server.take_output(pair.now);
    pair.client.inject(&start, pair.now);
    assert!(pair.client.connection.pending_output_bytes() > 0);
    let shown = format!("{:?}", pair.client.connection);
    assert!(!shown.contains("secret"), "{shown}");
    let start_ok = pair.client.take_output(pair.now);
    pair.server.inject(&start_ok, pair.now);
    let shown = format!("{:?}", pair.server.event());
    assert!(
        shown.contains("guest") && !shown.contains("secret"),
        "{shown}"
    );
}
