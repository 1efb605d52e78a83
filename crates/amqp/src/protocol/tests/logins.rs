//! Each mechanism between a client and a server, and what neither of them does.

use super::pair::{Pair, client_config};
use crate::{
    codec::{
        frame::encode_method,
        methods::{Secret, connection},
    },
    protocol::{ClientConfig, CloseReason, Event, Login, ServerConfig, Violation},
};

fn offering(mechanisms: &[&str]) -> ServerConfig {
    ServerConfig {
        mechanisms: mechanisms.iter().map(|&name| name.to_owned()).collect(),
        ..ServerConfig::default()
    }
}

/// How the client's handshake ends.
fn closed(pair: &mut Pair) -> CloseReason {
    match pair.client.event() {
        Event::Closed { reason } => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_mechanism_logs_in() {
    for login in [
        Login::plain("nova", "s3cret"),
        Login::amqplain("nova", "s3cret\0 with anything in it"),
        Login::External,
    ] {
        let server = offering(&["PLAIN", "AMQPLAIN", "EXTERNAL"]);
        let mut pair = Pair::new(ClientConfig::new(login.clone()), server, 1);
        pair.drive();
        match pair.server.event() {
            Event::LoginRequested { login: seen, .. } => assert_eq!(seen, login),
            other => panic!("{other:?}"),
        }
        pair.server.connection.accept();
        pair.shake_hands();
        assert!(pair.client.connection.is_connected(), "{login:?}");
    }
}

#[test]
fn a_server_offers_external_only_if_it_is_told_to() {
    let config = ClientConfig::new(Login::External);
    let mut pair = Pair::new(config, ServerConfig::default(), 1);
    pair.drive();
    let reason = CloseReason::MechanismNotOffered {
        wanted: "EXTERNAL",
        offered: "PLAIN AMQPLAIN".to_owned(),
    };
    assert_eq!(closed(&mut pair), reason);
    assert!(pair.server.take_events().is_empty(), "nothing was sent");
}

/// A name that only begins like ours is another mechanism.
#[test]
fn names_of_mechanisms_are_whole_words() {
    let config = ClientConfig::new(Login::plain("nova", "s3cret"));
    let mut pair = Pair::new(config, offering(&["AMQPLAIN", "PLAINER"]), 1);
    pair.drive();
    let reason = CloseReason::MechanismNotOffered {
        wanted: "PLAIN",
        offered: "AMQPLAIN PLAINER".to_owned(),
    };
    assert_eq!(closed(&mut pair), reason);
}

/// None of our mechanisms has a second question, so a server that asks one is not what we take it for.
#[test]
fn a_further_question_ends_the_handshake_and_gets_no_answer() {
    let mut pair = Pair::new(client_config(), ServerConfig::default(), 1);
    pair.drive();
    let secure = connection::Secure {
        challenge: Secret(b"Please tell me your password"),
    };
    let mut bytes = bytes::BytesMut::new();
    encode_method(0, &secure.into(), 4096, &mut bytes).unwrap();
    pair.client.inject(&bytes, pair.now);
    let sent = pair.client.take_output(pair.now);
    assert!(
        !sent.windows(6).any(|window| window == b"secret"),
        "{sent:?}"
    );
    pair.cut();
    let method = "connection.secure";
    let reason = CloseReason::Misbehaved(Violation::UnexpectedMethod { method });
    assert_eq!(closed(&mut pair), reason);
}
