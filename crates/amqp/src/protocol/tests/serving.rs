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
    pair.advance(Duration::from_secs(60));
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
