use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};

use super::{
    pair::{Pair, client_config},
    publish, with_id,
};
use crate::{
    codec::{
        BasicProperties, FieldTable, Frame,
        methods::{basic, queue},
    },
    protocol::{ChannelCloseReason, Event, SendError, ServerConfig, Violation},
};

/// Counts the frames in bytes, as (channel, is it a body) in order.
fn frames(bytes: &[u8]) -> Vec<(u16, bool)> {
    let (mut rest, mut frames) = (bytes, Vec::new());
    while !rest.is_empty() {
        let (frame, length) = Frame::decode(rest, 1 << 20)
            .unwrap()
            .expect("a whole frame");
        frames.push((frame.channel(), matches!(frame, Frame::Body { .. })));
        rest.advance(length);
    }
    frames
}

#[test]
fn point_01_a_publish_is_queued_as_one_unit_or_not_at_all() {
    let mut pair = Pair::connected();
    let (first, _) = pair.open_channel();
    let (second, _) = pair.open_channel();
    let properties = with_id("1");
    let body = Bytes::from(vec![1; 300_000]);
    // Six messages of several frames on two channels at once, requests in between.
    for _ in 0..3 {
        for channel in [first, second] {
            let connection = &mut pair.client.connection;
            connection
                .publish(channel, &publish("q", &properties, body.clone()))
                .unwrap();
            connection.request(channel, &super::declare("q")).unwrap();
        }
    }
    // One that does not fit, in its header or in its method, leaves nothing behind.
    let before = pair.client.connection.pending_output_bytes();
    let headers = Some(FieldTable::new().with("h", "x".repeat(200_000)));
    let huge = BasicProperties {
        headers,
        ..Default::default()
    };
    let refused = pair
        .client
        .connection
        .publish(first, &publish("q", &huge, body.clone()));
    assert!(matches!(refused, Err(SendError::Encode(_))));
    let long = "k".repeat(256);
    let refused = pair
        .client
        .connection
        .publish(second, &publish(&long, &properties, body.clone()));
    assert!(matches!(refused, Err(SendError::Encode(_))));
    assert_eq!(pair.client.connection.pending_output_bytes(), before);

    pair.drive();
    let mut seen = [(first, Vec::new()), (second, Vec::new())];
    for event in pair.server.take_events() {
        let (channel, what) = match event {
            Event::Published {
                channel, message, ..
            } => {
                assert_eq!(message.body, body);
                assert_eq!(message.properties, properties);
                (channel, "publish")
            }
            Event::Method { channel, .. } => (channel, "declare"),
            other => panic!("{other:?}"),
        };
        let (_, list) = seen
            .iter_mut()
            .find(|(mine, _)| mine.number() == channel.number())
            .unwrap();
        list.push(what);
    }
    for (_, list) in seen {
        assert_eq!(list, ["publish", "declare"].repeat(3));
    }
}

#[test]
fn a_long_body_lets_others_through() {
    let mut client = client_config();
    client.frame_max = 8192;
    let mut pair = Pair::connected_with(client, ServerConfig::default(), 1);
    let (long, _) = pair.open_channel();
    let (short, _) = pair.open_channel();
    let properties = BasicProperties::default();
    let body = Bytes::from(vec![1; 1 << 20]);
    pair.client
        .connection
        .publish(long, &publish("long", &properties, body))
        .unwrap();
    // The socket takes a little, then another channel has something to say.
    let now = pair.now;
    let mut wire = BytesMut::new();
    let output = pair.client.connection.output(now);
    assert!(
        output.remaining() < 80_000,
        "no more is ready than the limit and a frame"
    );
    wire.extend_from_slice(&output.copy_to_bytes(5000));
    pair.client
        .connection
        .publish(short, &publish("short", &properties, "x"))
        .unwrap();
    assert!(pair.client.connection.pending_output_bytes() > 1_000_000);
    wire.extend_from_slice(&pair.client.take_output(now));
    let frames = frames(&wire);
    let at = frames
        .iter()
        .position(|(channel, _)| *channel == short.number())
        .unwrap();
    assert!((9..15).contains(&at), "frame {at} of {}", frames.len());
    pair.server.inject(&wire, now);
    let names: Vec<_> = pair
        .server
        .take_events()
        .into_iter()
        .map(|event| match event {
            Event::Published { message, .. } => message.routing_key.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(names, ["short", "long"]);
}

#[test]
fn a_long_body_over_a_slow_wire_does_not_starve_heartbeats() {
    let mut client = client_config();
    client.heartbeat = Duration::from_secs(2);
    let mut pair = Pair::connected_with(client, ServerConfig::default(), 1);
    let (channel, _) = pair.open_channel();
    let properties = BasicProperties::default();
    let body = Bytes::from(vec![1; 4 << 20]);
    pair.client
        .connection
        .publish(channel, &publish("q", &properties, body))
        .unwrap();
    // 64 KiB a second: a minute for the body, thirty heartbeat intervals.
    let mut published = false;
    for _ in 0..70 {
        let output = pair.client.connection.output(pair.now);
        let piece = output.copy_to_bytes(output.remaining().min(65_536));
        pair.server.inject(&piece, pair.now);
        let answer = pair.server.take_output(pair.now);
        pair.client.inject(&answer, pair.now);
        pair.now += Duration::from_secs(1);
        for peer in [&mut pair.client, &mut pair.server] {
            peer.connection.handle_timeout(pair.now);
        }
        published |= !pair.server.take_events().is_empty();
    }
    assert!(published);
    assert!(pair.client.connection.is_connected() && pair.server.connection.is_connected());
}

#[test]
fn point_12_a_large_body_is_neither_copied_nor_kept() {
    let mut pair = Pair::connected();
    let (channel, _) = pair.open_channel();
    let properties = BasicProperties::default();
    let body = Bytes::from(vec![1; 100_000]);
    let here = body.as_ptr();
    let now = pair.now;
    pair.client
        .connection
        .publish(channel, &publish("q", &properties, body.clone()))
        .unwrap();
    let output = pair.client.connection.output(now);
    let mut slices = [std::io::IoSlice::new(&[]); 8];
    let count = output.chunks_vectored(&mut slices);
    assert_eq!(count, 3, "frames, body, frame end");
    assert_eq!((slices[1].as_ptr(), slices[1].len()), (here, 100_000));
    assert!(slices[0].len() < 200);
    output.advance(output.remaining());
    assert!(body.is_unique(), "written and let go");

    // A burst of small frames gives its memory back.
    for _ in 0..2000 {
        let small = publish("q", &properties, vec![2; 1000]);
        pair.client.connection.publish(channel, &small).unwrap();
    }
    let output = pair.client.connection.output(now);
    assert!(output.capacity() > 2_000_000);
    output.advance(output.remaining());
    assert!(output.capacity() <= 256 * 1024, "{output:?}");
}

#[test]
fn bodies_of_one_frame_share_memory_with_the_input() {
    let mut pair = Pair::connected();
    let (client, server) = pair.open_consuming();
    let deliver = basic::Deliver {
        consumer_tag: "c",
        delivery_tag: 1,
        ..Default::default()
    };
    let body = Bytes::from(vec![3; 2000]);
    let properties = BasicProperties::default();
    pair.server
        .connection
        .send_content(server, &deliver.into(), &properties, body.clone())
        .unwrap();
    let mut input = pair.server.take_output(pair.now);
    let range = input.as_ptr_range();
    pair.client.connection.handle_input(&mut input, pair.now);
    let Event::Delivery { delivery, channel } = pair.client.event() else {
        panic!()
    };
    assert_eq!((channel, &delivery.body), (client, &body));
    assert!(range.contains(&delivery.body.as_ptr()));
}

#[test]
fn bodies_of_any_size_arrive() {
    for frame_max in [4096, 131_072] {
        let mut client = client_config();
        client.frame_max = frame_max;
        let mut pair = Pair::connected_with(client, ServerConfig::default(), frame_max.into());
        let (channel, _) = pair.open_channel();
        let properties = BasicProperties::default();
        let sizes = [
            0, 1, 511, 512, 4087, 4088, 4089, 4096, 4097, 8176, 131_064, 131_065, 400_000,
        ];
        for size in sizes {
            let body = Bytes::from(vec![4; size]);
            let message = publish("q", &properties, body);
            pair.client.connection.publish(channel, &message).unwrap();
        }
        pair.drive();
        for size in sizes {
            let Event::Published { message, .. } = pair.server.event() else {
                panic!()
            };
            assert_eq!(message.body.len(), size);
            assert!(message.body.iter().all(|byte| *byte == 4));
        }
    }
}

#[test]
fn point_08_a_message_that_is_too_long_closes_its_channel_at_the_server() {
    let server = ServerConfig {
        max_body_size: 1000,
        ..ServerConfig::default()
    };
    let mut pair = Pair::connected_with(client_config(), server, 1);
    let (channel, _) = pair.open_channel();
    let (other, _) = pair.open_channel();
    let properties = BasicProperties::default();
    let connection = &mut pair.client.connection;
    connection
        .publish(channel, &publish("q", &properties, vec![0; 1001]))
        .unwrap();
    connection
        .publish(channel, &publish("q", &properties, vec![0; 5]))
        .unwrap();
    connection
        .publish(other, &publish("q", &properties, vec![0; 1000]))
        .unwrap();
    pair.drive();
    let violation = Violation::ContentTooLarge {
        size: 1001,
        limit: 1000,
    };
    let Event::ChannelClosed { reason, .. } = pair.server.event() else {
        panic!()
    };
    assert_eq!(reason, ChannelCloseReason::Misbehaved(violation));
    assert!(matches!(pair.server.event(), Event::Published { .. }));
    let Event::ChannelClosed {
        reason: ChannelCloseReason::Peer(close),
        ..
    } = pair.client.event()
    else {
        panic!();
    };
    assert_eq!(close.code, 311);
    assert!(pair.client.connection.is_connected());
}

#[test]
fn point_08_a_delivery_that_is_too_long_is_rejected_by_the_client() {
    let mut client = client_config();
    client.max_body_size = 1000;
    let mut pair = Pair::connected_with(client, ServerConfig::default(), 1);
    let (client, server) = pair.open_consuming();
    pair.deliver(server, 1, &[0; 5000]);
    pair.deliver(server, 2, b"short");
    pair.drive();
    let consumer_tag = "c".into();
    assert_eq!(
        pair.client.event(),
        Event::Discarded {
            channel: client,
            consumer_tag,
            body_size: 5000
        }
    );
    assert!(matches!(pair.client.event(), Event::Delivery { .. }));
    let Event::Method { method, .. } = pair.server.event() else {
        panic!()
    };
    let reject = basic::Reject {
        delivery_tag: 1,
        requeue: false,
    };
    assert_eq!(method.decode().unwrap(), reject.into());
    assert_eq!(pair.client.connection.stats().discarded, 1);
}

#[test]
fn frames_are_counted_by_type() {
    let mut pair = Pair::connected();
    let (channel, _) = pair.open_channel();
    let before = pair.client.connection.stats().sent;
    let properties = BasicProperties::default();
    let connection = &mut pair.client.connection;
    connection
        .publish(channel, &publish("q", &properties, vec![0; 200_000]))
        .unwrap();
    connection
        .publish(channel, &publish("q", &properties, ""))
        .unwrap();
    connection
        .request(channel, &queue::Declare::default().into())
        .unwrap();
    pair.drive();
    let sent = pair.client.connection.stats().sent;
    assert_eq!(sent.methods - before.methods, 3);
    assert_eq!(sent.headers - before.headers, 2);
    assert_eq!(sent.bodies - before.bodies, 2);
    let received = pair.server.connection.stats().received;
    assert_eq!(
        (
            received.methods,
            received.headers,
            received.bodies,
            received.bytes
        ),
        (sent.methods, sent.headers, sent.bodies, sent.bytes)
    );
}
