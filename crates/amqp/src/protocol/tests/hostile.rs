//! Peers that mean no good, or are broken.

use bytes::{BufMut, BytesMut};

use super::pair::{Pair, client_config};
use crate::{
    codec::{
        BasicProperties, DecodeError, FrameKind, Method, frame,
        methods::{METHODS, basic, channel, connection},
    },
    protocol::{ClientConfig, CloseReason, Connection, Event, ServerConfig, Violation},
};

fn raw(kind: u8, channel: u16, payload: &[u8]) -> BytesMut {
    let mut bytes = BytesMut::new();
    bytes.put_u8(kind);
    bytes.put_u16(channel);
    bytes.put_u32(payload.len().try_into().unwrap());
    bytes.put_slice(payload);
    bytes.put_u8(0xCE);
    bytes
}

fn method(channel: u16, method: impl Into<Method<'static>>) -> BytesMut {
    let mut bytes = BytesMut::new();
    frame::encode_method(channel, &method.into(), 1 << 20, &mut bytes).unwrap();
    bytes
}

fn header(channel: u16, size: u64) -> BytesMut {
    let mut bytes = BytesMut::new();
    let properties = BasicProperties::default();
    frame::encode_header(channel, size, &properties, 1 << 20, &mut bytes).unwrap();
    bytes
}

fn body(channel: u16, size: usize) -> BytesMut {
    raw(FrameKind::Body as u8, channel, &vec![0; size])
}

/// What a running server with channel 1 open makes of these bytes.
fn server_says(frames: &[BytesMut]) -> (u16, Violation) {
    let mut pair = Pair::connected();
    pair.open_channel();
    let now = pair.now;
    for bytes in frames {
        pair.server.inject(bytes, now);
    }
    assert!(
        !pair.server.connection.is_closed(),
        "the client may still read why"
    );
    pair.drive();
    let events = pair.client.take_events();
    let Some(Event::Closed {
        reason: CloseReason::Peer { close, .. },
    }) = events.last()
    else {
        panic!("the client was not told: {events:?}");
    };
    pair.cut();
    let events = pair.server.take_events();
    let Some(Event::Closed {
        reason: CloseReason::Misbehaved(violation),
    }) = events.last()
    else {
        panic!("no violation: {events:?}");
    };
    assert_eq!(close.code, violation.reply_code());
    (close.code, violation.clone())
}

#[test]
fn each_broken_rule_has_its_code() {
    use Violation as V;
    let publish = || method(1, basic::Publish::default());
    let cases: Vec<(Vec<BytesMut>, u16, Violation)> = vec![
        // 501: frames
        (
            vec![raw(9, 1, b"")],
            501,
            DecodeError::UnknownFrameType(9).into(),
        ),
        (
            vec![BytesMut::from(&b"\x01\0\x01\0\x02\0\0"[..])],
            501,
            DecodeError::FrameTooLarge {
                size: 131_080,
                max: 131_072,
            }
            .into(),
        ),
        (
            vec![BytesMut::from(&b"\x08\0\0\0\0\0\0\xCD"[..])],
            501,
            DecodeError::FrameEnd(0xCD).into(),
        ),
        (
            vec![raw(8, 1, b"")],
            505,
            DecodeError::HeartbeatChannel(1).into(),
        ),
        (
            vec![publish(), header(1, 5), body(1, 6)],
            501,
            V::BodyTooLong { declared: 5 },
        ),
        (
            vec![raw(1, 1, &[0, 50, 0, 10, 0])],
            501,
            DecodeError::Truncated {
                reading: "short integer",
            }
            .into(),
        ),
        // 503: methods
        (
            vec![raw(1, 1, &[0, 99, 0, 1])],
            503,
            DecodeError::UnknownMethod {
                class_id: 99,
                method_id: 1,
            }
            .into(),
        ),
        (
            vec![method(1, basic::Deliver::default())],
            503,
            V::UnexpectedMethod {
                method: "basic.deliver",
            },
        ),
        (
            vec![method(0, connection::Open::default())],
            503,
            V::UnexpectedMethod {
                method: "connection.open",
            },
        ),
        (
            vec![method(1, connection::Open::default())],
            503,
            V::UnexpectedMethod {
                method: "connection.open",
            },
        ),
        (
            vec![method(0, channel::Open {})],
            503,
            V::UnexpectedMethod {
                method: "channel.open",
            },
        ),
        (
            vec![method(1, channel::CloseOk {})],
            503,
            V::UnexpectedMethod {
                method: "channel.close-ok",
            },
        ),
        // 504: channels
        (
            vec![method(2, basic::Qos::default())],
            504,
            V::ChannelNotOpen { channel: 2 },
        ),
        (vec![header(7, 1)], 504, V::ChannelNotOpen { channel: 7 }),
        (vec![body(0, 1)], 504, V::ChannelNotOpen { channel: 0 }),
        (
            vec![method(1, channel::Open {})],
            504,
            V::ChannelInUse { channel: 1 },
        ),
        // 505: order
        (
            vec![header(1, 1)],
            505,
            V::ContentOutOfOrder {
                received: "content header",
            },
        ),
        (
            vec![body(1, 1)],
            505,
            V::ContentOutOfOrder {
                received: "content body",
            },
        ),
        (
            vec![publish(), body(1, 1)],
            505,
            V::ContentOutOfOrder {
                received: "content body",
            },
        ),
        (
            vec![publish(), header(1, 1), header(1, 1)],
            505,
            V::ContentInterrupted {
                received: "content header",
            },
        ),
        (
            vec![publish(), publish()],
            505,
            V::ContentInterrupted {
                received: "basic.publish",
            },
        ),
        (
            vec![publish(), header(1, 3), method(1, basic::Qos::default())],
            505,
            V::ContentInterrupted {
                received: "basic.qos",
            },
        ),
        // 530: what was agreed
        (
            vec![method(3000, channel::Open {})],
            530,
            V::ChannelMaxExceeded {
                channel: 3000,
                limit: 2047,
            },
        ),
    ];
    for (frames, code, violation) in cases {
        assert_eq!(server_says(&frames), (code, violation));
    }
}

#[test]
fn delivery_tags_that_do_not_rise_break_the_protocol() {
    let mut pair = Pair::connected();
    let (_, server) = pair.open_consuming();
    pair.deliver(server, 2, b"x");
    pair.deliver(server, 2, b"x");
    pair.drive();
    let reason = CloseReason::Misbehaved(Violation::DeliveryTagOrder { tag: 2 });
    assert!(
        pair.client
            .take_events()
            .contains(&Event::Closed { reason })
    );
}

#[test]
fn before_login_only_small_frames_are_taken() {
    let mut pair = Pair::new(client_config(), ServerConfig::default(), 1);
    pair.server.inject(b"AMQP\0\0\x09\x01", pair.now);
    // Refused as soon as its size is known, before a byte of it has come.
    pair.server.inject(b"\x01\0\0\0\x01\0\0", pair.now);
    pair.cut();
    let too_large = DecodeError::FrameTooLarge {
        size: 65_544,
        max: 8192,
    };
    let reason = CloseReason::Misbehaved(too_large.into());
    assert_eq!(pair.server.event(), Event::Closed { reason });
}

#[test]
fn a_login_that_makes_no_sense_is_refused() {
    for (mechanism, response) in [
        ("PLAIN", &b"no zeros"[..]),
        ("EXTERNAL", b""),
        ("", b"\0a\0b"),
    ] {
        let mut pair = Pair::new(client_config(), ServerConfig::default(), 1);
        pair.server.inject(b"AMQP\0\0\x09\x01", pair.now);
        let start_ok = connection::StartOk {
            mechanism,
            response: crate::codec::methods::Secret(response),
            ..Default::default()
        };
        let mut bytes = BytesMut::new();
        frame::encode_method(0, &start_ok.into(), 4096, &mut bytes).unwrap();
        pair.server.inject(&bytes, pair.now);
        pair.cut();
        let violation = Violation::BadLogin {
            mechanism: mechanism.into(),
        };
        let reason = CloseReason::Misbehaved(violation);
        assert_eq!(pair.server.event(), Event::Closed { reason });
    }
}

/// Opening and closing, again and again, does not pile anything up.
#[test]
fn channels_that_come_and_go_leave_nothing() {
    let mut pair = Pair::connected();
    let now = pair.now;
    for _ in 0..10_000 {
        pair.server.inject(&method(5, channel::Open {}), now);
        pair.server
            .inject(&method(5, channel::Close::default()), now);
        pair.server.take_output(now);
        pair.server.take_events();
    }
    assert!(format!("{:?}", pair.server.connection).len() < 8000);
}

#[test]
fn garbage_never_panics() {
    for seed in 0..400 {
        let mut rng = fastrand::Rng::with_seed(seed);
        for mut pair in [running(), new()] {
            pair.silent = true;
            let now = pair.now;
            for _ in 0..60 {
                let bytes = nearly_amqp(&mut rng);
                let cut = rng.usize(..=bytes.len());
                for peer in [&mut pair.client, &mut pair.server] {
                    peer.inject(&bytes[..cut], now);
                    peer.inject(&bytes[cut..], now);
                    if rng.bool() {
                        peer.connection.accept();
                    }
                    peer.take_output(now);
                    peer.take_events();
                }
            }
        }
    }
}

fn new() -> Pair {
    let mut pair = Pair::new(client_config(), ServerConfig::default(), 1);
    pair.server.inject(b"AMQP\0\0\x09\x01", pair.now);
    pair
}

fn running() -> Pair {
    let mut pair = Pair::connected();
    pair.open_consuming();
    pair.open_confirming();
    pair
}

/// A frame that is right in most places, or bytes without any sense.
fn nearly_amqp(rng: &mut fastrand::Rng) -> Vec<u8> {
    let channel = u16::from(rng.u8(..4));
    let mut payload: Vec<u8> = Vec::new();
    let kind = match rng.u8(..8) {
        0..5 => {
            let (class_id, method_id) = METHODS[rng.usize(..METHODS.len())].id;
            payload.put_u16(class_id);
            payload.put_u16(method_id);
            payload.extend(std::iter::repeat_n(0, rng.usize(..40)));
            1
        }
        5 => {
            payload.put_u16(60);
            payload.put_u16(0);
            payload.put_u64(rng.u64(..20));
            payload.put_u16(0);
            2
        }
        6 => {
            payload.extend(std::iter::repeat_with(|| rng.u8(..)).take(10));
            3
        }
        _ => 8,
    };
    let mut bytes = raw(kind, channel, &payload).to_vec();
    if rng.u8(..8) == 0 {
        let at = rng.usize(..bytes.len());
        bytes[at] = rng.u8(..);
    }
    if rng.u8(..40) == 0 {
        bytes = std::iter::repeat_with(|| rng.u8(..)).take(100).collect();
    }
    bytes
}

#[test]
fn a_handshake_of_noise_ends_the_connection() {
    for seed in 0..200 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let now = std::time::Instant::now();
        let noise: BytesMut = std::iter::repeat_with(|| rng.u8(..)).take(500).collect();
        let client = Connection::client(
            ClientConfig::new(crate::protocol::Login::plain("a", "b")),
            now,
        );
        for mut connection in [client, Connection::server(ServerConfig::default(), now)] {
            connection.handle_input(&mut noise.clone(), now);
            connection.handle_eof();
            assert!(connection.is_closed(), "seed {seed}");
        }
    }
}
