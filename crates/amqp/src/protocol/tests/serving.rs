//! What a server's owner needs beyond what clients have.

use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::pair::{Pair, client_config};
use crate::{
    codec::{
        BasicProperties, FieldValue, Method, frame,
        methods::{basic, channel, queue},
    },
    protocol::{ChannelCloseReason, CloseReason, Event, ServerConfig, Violation},
};

fn frames(methods: &[Method<'_>]) -> BytesMut {
    let mut bytes = BytesMut::new();
    for method in methods {
        frame::encode_method(1, method, 4096, &mut bytes).unwrap();
    }
    bytes
}

#[test]
fn a_server_can_answer_each_frame_before_it_looks_at_the_next() {
    let mut pair = Pair::connected();
    let (_, channel) = pair.open_channel();
    let close = channel::Close::default();
    let mut input = frames(&[super::declare("q"), close.into()]);
    let server = &mut pair.server.connection;
    assert!(server.handle_next(&mut input, pair.now));
    assert!(matches!(server.poll_event(), Some(Event::Method { .. })));
    assert_eq!(server.poll_event(), None, "the close was not looked at");
    server
        .send(channel, &queue::DeclareOk::default().into())
        .unwrap();
    assert!(server.handle_next(&mut input, pair.now));
    assert!(matches!(
        server.poll_event(),
        Some(Event::ChannelClosed { .. })
    ));
    assert!(!server.handle_next(&mut input, pair.now));

    let answers = pair.server.take_output(pair.now);
    let expected = frames(&[
        queue::DeclareOk::default().into(),
        channel::CloseOk {}.into(),
    ]);
    assert_eq!(answers, expected);
}

#[test]
fn a_close_can_blame_a_method() {
    let mut pair = Pair::connected();
    let (channel, _) = pair.open_channel();
    let blamed = basic::Publish::ID;
    let text = "NOT_IMPLEMENTED - immediate=true";
    pair.server
        .connection
        .close_for(540, text, blamed, pair.now);
    pair.drive();
    let Event::ChannelClosed {
        channel: closed,
        reason: ChannelCloseReason::Connection(CloseReason::Peer { close, .. }),
        ..
    } = pair.client.event()
    else {
        panic!("the channel went otherwise");
    };
    assert_eq!(closed, channel);
    assert_eq!((close.code, close.text.as_str()), (540, text));
    assert_eq!((close.class_id, close.method_id), blamed);
}

#[test]
fn a_server_announces_what_its_owner_can_do() {
    let server = ServerConfig {
        capabilities: vec!["consumer_priorities"],
        ..ServerConfig::default()
    };
    let mut pair = Pair::new(client_config(), server, 1);
    pair.shake_hands();
    let Event::Connected {
        peer_properties, ..
    } = pair.client.event()
    else {
        panic!("not connected");
    };
    let capabilities = peer_properties
        .get("capabilities")
        .and_then(FieldValue::as_table)
        .unwrap();
    for name in ["consumer_priorities", "basic.nack"] {
        assert_eq!(capabilities.get(name), Some(&FieldValue::Bool(true)));
    }
}

#[test]
fn who_asks_for_messages_and_does_not_read_them_is_let_go() {
    let mut pair = Pair::connected();
    let (_, channel) = pair.open_channel();
    let server = &mut pair.server.connection;
    let got = basic::GetOk::default().into();
    let body = Bytes::from_static(&[0; 1000]);
    let mut asked = 0;
    while server.is_connected() {
        let mut input = frames(&[basic::Get::default().into()]);
        server.handle_input(&mut input, pair.now);
        while let Some(Event::Method { .. }) = server.poll_event() {
            let properties = BasicProperties::default();
            let sent = server.send_content(channel, &got, &properties, body.clone());
            assert_eq!(sent.is_ok(), server.is_connected());
        }
        asked += 1;
        assert!(asked < 20_000, "16 MiB of answers, and still connected");
    }
    assert!(asked > 10_000, "{asked}: not before 16 MiB");
    pair.advance(Duration::from_mins(1));
    let ended = pair.server.take_events().pop();
    let Some(Event::Closed {
        reason: CloseReason::Misbehaved(Violation::DoesNotRead { .. }),
    }) = ended
    else {
        panic!("{ended:?}")
    };
}

#[test]
fn who_is_not_read_from_is_not_taken_for_dead() {
    let interval = Duration::from_secs(10);
    let mut client = client_config();
    client.heartbeat = interval;
    let mut pair = Pair::connected_with(client, ServerConfig::default(), 1);
    pair.unheard = Some(super::pair::End::Client);
    for _ in 0..10 {
        pair.advance(interval);
        pair.server.connection.heard(pair.now);
    }
    assert!(pair.server.connection.is_connected());
    pair.advance(interval * 3);
    assert!(!pair.server.connection.is_connected());
}

#[test]
fn what_comes_in_part_is_counted_until_it_is_whole_or_gone() {
    let mut pair = Pair::connected();
    let (_, channel) = pair.open_channel();
    let mut start = frames(&[basic::Publish::default().into()]);
    let properties = BasicProperties::default();
    frame::encode_header(1, 3000, &properties, 4096, &mut start).unwrap();
    let mut half = BytesMut::new();
    frame::encode_body(1, &[7; 1500], 4096, &mut half).unwrap();

    pair.server.inject(&start, pair.now);
    assert_eq!(pair.server.connection.incoming_bytes(), 0);
    pair.server.inject(&half, pair.now);
    assert_eq!(pair.server.connection.incoming_bytes(), 1500);
    pair.server.inject(&half, pair.now);
    assert_eq!(pair.server.connection.incoming_bytes(), 0);
    assert!(matches!(pair.server.event(), Event::Published { .. }));

    pair.server.inject(&start, pair.now);
    pair.server.inject(&half, pair.now);
    assert_eq!(pair.server.connection.incoming_bytes(), 1500);
    pair.server
        .connection
        .close_channel(channel, 406, "no")
        .unwrap();
    assert_eq!(pair.server.connection.incoming_bytes(), 0);
}

#[test]
fn a_small_message_that_stays_does_not_hold_the_buffer_it_came_in() {
    let mut pair = Pair::connected();
    pair.open_channel();
    for (size, shared) in [(8 * 1024, false), (16 * 1024, true)] {
        let mut input = frames(&[basic::Publish::default().into()]);
        let properties = BasicProperties::default();
        frame::encode_header(1, size, &properties, 4096, &mut input).unwrap();
        let body = vec![7; usize::try_from(size).unwrap()];
        frame::encode_body(1, &body, 131_072, &mut input).unwrap();
        let range = input.as_ptr_range();
        pair.server.connection.handle_input(&mut input, pair.now);
        let Event::Published { message, .. } = pair.server.event() else {
            panic!("not published");
        };
        assert_eq!(message.body, body);
        assert_eq!(range.contains(&message.body.as_ptr()), shared, "{size}");
    }
}
