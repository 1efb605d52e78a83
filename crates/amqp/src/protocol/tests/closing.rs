use std::time::Duration;

use bytes::{Buf, Bytes};

use super::{declare, pair::Pair, publish, with_id};
use crate::{
    codec::{
        BasicProperties,
        methods::{basic, channel, confirm, queue},
    },
    protocol::{
        ChannelCloseReason, ChannelId, CloseReason, Connection, Event, PeerClose, Phase, SendError,
        ServerConfig, Unsettled,
    },
};

fn said(code: u16, text: &str) -> PeerClose {
    PeerClose {
        code,
        text: text.into(),
        class_id: 0,
        method_id: 0,
    }
}

fn closed(channel: ChannelId, reason: ChannelCloseReason) -> Event {
    Event::ChannelClosed {
        channel,
        reason,
        unsettled: Unsettled::default(),
    }
}

#[test]
fn a_connection_closes_in_order() {
    let mut pair = Pair::connected();
    let (client, server) = pair.open_channel();
    pair.client.connection.close(200, "bye", pair.now);
    pair.client.connection.close(200, "once more", pair.now);
    let local = ChannelCloseReason::Connection(CloseReason::Local);
    assert_eq!(pair.client.event(), closed(client, local));
    assert!(!pair.client.connection.is_closed());
    pair.drive();
    assert_eq!(
        pair.client.take_events(),
        [Event::Closed {
            reason: CloseReason::Local
        }]
    );
    let reason = CloseReason::Peer {
        close: said(200, "bye"),
        phase: Phase::Running,
    };
    let of_channel = ChannelCloseReason::Connection(reason.clone());
    assert_eq!(
        pair.server.take_events(),
        [closed(server, of_channel), Event::Closed { reason }]
    );
}

#[test]
fn a_long_body_leaves_before_the_connection_closes() {
    let mut pair = Pair::connected();
    let (channel, _) = pair.open_channel();
    let properties = BasicProperties::default();
    let body = Bytes::from(vec![0; 1 << 20]);
    pair.client
        .connection
        .publish(channel, &publish("q", &properties, body))
        .unwrap();
    pair.client.connection.close(200, "bye", pair.now);
    pair.drive();
    let Event::Published { message, .. } = pair.server.event() else {
        panic!()
    };
    assert_eq!(message.body.len(), 1 << 20);
    assert!(pair.client.connection.is_closed() && pair.server.connection.is_closed());
}

#[test]
fn a_close_that_nobody_answers_times_out() {
    let mut pair = Pair::connected();
    pair.silent = true;
    pair.client.connection.close(200, "bye", pair.now);
    pair.advance(Duration::from_millis(2900));
    assert!(!pair.client.connection.is_closed());
    pair.advance(Duration::from_millis(200));
    assert_eq!(
        pair.client.event(),
        Event::Closed {
            reason: CloseReason::Local
        }
    );
    assert_eq!(pair.client.connection.poll_timeout(), None);
}

#[test]
fn both_ends_close_the_connection_at_once() {
    let mut pair = Pair::connected();
    pair.client.connection.close(200, "bye", pair.now);
    pair.server.connection.close(320, "shutdown", pair.now);
    pair.drive();
    for peer in [&mut pair.client, &mut pair.server] {
        assert_eq!(
            peer.take_events(),
            [Event::Closed {
                reason: CloseReason::Local
            }]
        );
    }
}

#[test]
fn a_server_that_shuts_down_says_so() {
    let mut pair = Pair::connected();
    pair.server
        .connection
        .close(320, "CONNECTION_FORCED", pair.now);
    pair.drive();
    let close = said(320, "CONNECTION_FORCED");
    let reason = CloseReason::Peer {
        close,
        phase: Phase::Running,
    };
    assert_eq!(pair.client.take_events(), [Event::Closed { reason }]);
    assert_eq!(
        pair.server.take_events(),
        [Event::Closed {
            reason: CloseReason::Local
        }]
    );
}

#[test]
fn nothing_works_after_the_end() {
    let mut pair = Pair::connected();
    let (channel, _) = pair.open_channel();
    pair.cut();
    let connection = &mut pair.client.connection;
    let properties = with_id("1");
    let gone = SendError::ConnectionClosed;
    assert_eq!(connection.open_channel(), Err(gone.clone()));
    assert_eq!(
        connection.request(channel, &declare("q")),
        Err(gone.clone())
    );
    assert_eq!(
        connection.publish(channel, &publish("q", &properties, "x")),
        Err(gone.clone())
    );
    assert_eq!(connection.ack(channel, 1, false), Err(gone.clone()));
    assert_eq!(connection.close_channel(channel, 200, ""), Err(gone));
    connection.handle_eof();
    connection.handle_timeout(pair.now + Duration::from_secs(1000));
    connection.close(200, "", pair.now);
    assert!(!connection.has_output());
    assert_eq!(pair.client.take_events().len(), 2);
}

#[test]
fn nothing_works_before_the_beginning() {
    let mut pair = Pair::new(super::pair::client_config(), ServerConfig::default(), 1);
    assert_eq!(
        pair.client.connection.open_channel(),
        Err(SendError::NotConnected)
    );
    pair.client.connection.accept();
    pair.server.connection.accept();
    pair.server.connection.refuse(403, "", pair.now);
    pair.client
        .connection
        .close(200, "changed my mind", pair.now);
    assert_eq!(
        pair.client.event(),
        Event::Closed {
            reason: CloseReason::Local
        }
    );
}

#[test]
fn a_channel_closes_in_order_and_what_was_asked_before_is_answered() {
    let mut pair = Pair::connected();
    let (client, server) = pair.open_channel();
    let request = pair
        .client
        .connection
        .request(client, &declare("q"))
        .unwrap();
    pair.drive();
    pair.server.method();
    pair.server
        .connection
        .send(server, &queue::DeclareOk::default().into())
        .unwrap();
    pair.client
        .connection
        .close_channel(client, 200, "bye")
        .unwrap();
    let again = pair.client.connection.close_channel(client, 200, "bye");
    assert_eq!(again, Err(SendError::ChannelClosed));
    assert!(!pair.client.connection.channel_is_open(client));
    pair.drive();
    pair.client.reply(request);
    assert_eq!(
        pair.client.take_events(),
        [closed(client, ChannelCloseReason::Local)]
    );
    let reason = ChannelCloseReason::Peer(said(200, "bye"));
    assert_eq!(pair.server.take_events(), [closed(server, reason)]);
}

/// Found by the random runs: the server had forgotten the channel and took the answers for frames out of nowhere.
#[test]
fn nothing_is_answered_behind_our_own_close_of_a_channel() {
    let mut pair = Pair::connected();
    let (client, server) = pair.open_consuming();
    let cancel = basic::Cancel {
        consumer_tag: "c",
        no_wait: false,
    };
    for method in [channel::Flow { active: false }.into(), cancel.into()] {
        pair.server.connection.send(server, &method).unwrap();
    }
    pair.client
        .connection
        .close_channel(client, 200, "bye")
        .unwrap();
    pair.drive();
    assert!(pair.server.connection.is_connected());
    assert!(pair.client.connection.is_connected());
    assert!(!pair.client.connection.channel_is_open(client));
}

#[test]
fn a_server_closes_a_channel_and_says_what_was_lost() {
    let mut pair = Pair::connected();
    let (client, server) = pair.open_channel();
    let properties = BasicProperties::default();
    let connection = &mut pair.client.connection;
    connection
        .request(client, &confirm::Select::default().into())
        .unwrap();
    for _ in 0..3 {
        connection
            .publish(client, &publish("q", &properties, "x"))
            .unwrap();
    }
    let request = connection.request(client, &declare("q")).unwrap();
    pair.drive();
    pair.server.take_events();
    pair.server
        .connection
        .send(server, &confirm::SelectOk {}.into())
        .unwrap();
    pair.server
        .connection
        .close_channel_for(server, 406, "no", (50, 10))
        .unwrap();
    assert_eq!(
        pair.server.event(),
        closed(server, ChannelCloseReason::Local)
    );
    pair.drive();
    pair.client.event();
    let close = PeerClose {
        code: 406,
        text: "no".into(),
        class_id: 50,
        method_id: 10,
    };
    let reason = ChannelCloseReason::Peer(close);
    let requests = vec![request];
    let unsettled = Unsettled {
        requests,
        publishes: vec![1, 2, 3],
        consumers: vec![],
    };
    assert_eq!(
        pair.client.event(),
        Event::ChannelClosed {
            channel: client,
            reason,
            unsettled
        }
    );
    // The connection goes on.
    pair.open_channel();
}

#[test]
fn both_ends_close_a_channel_at_once() {
    let mut pair = Pair::connected();
    let (client, server) = pair.open_channel();
    pair.client
        .connection
        .close_channel(client, 200, "bye")
        .unwrap();
    pair.server
        .connection
        .close_channel(server, 404, "gone")
        .unwrap();
    pair.drive();
    let reason = ChannelCloseReason::Peer(said(404, "gone"));
    assert_eq!(pair.client.take_events(), [closed(client, reason)]);
    assert_eq!(
        pair.server.take_events(),
        [closed(server, ChannelCloseReason::Local)]
    );
    // The number is free again at both ends.
    let (again, _) = pair.open_channel();
    assert_eq!(again.number(), client.number());
}

#[test]
fn a_channel_that_the_server_closes_is_closed_for_frames_under_way() {
    let mut pair = Pair::connected();
    let (client, server) = pair.open_channel();
    let properties = BasicProperties::default();
    pair.server
        .connection
        .close_channel(server, 404, "gone")
        .unwrap();
    for size in [10, 300_000] {
        let message = publish("q", &properties, vec![0; size]);
        pair.client.connection.publish(client, &message).unwrap();
        pair.client
            .connection
            .request(client, &declare("q"))
            .unwrap();
    }
    pair.drive();
    assert_eq!(
        pair.server.take_events(),
        [closed(server, ChannelCloseReason::Local)]
    );
    assert!(pair.client.connection.is_connected() && pair.server.connection.is_connected());
    pair.client.take_events();
    pair.server.take_events();
    pair.open_channel();
}

/// RabbitMQ goes on to parse what comes for a closed channel, so a message that was begun has to be
/// sent to its end.
#[test]
fn a_message_that_was_begun_is_finished_on_a_closed_channel_and_the_rest_is_dropped() {
    let mut pair = Pair::connected();
    let (client, server) = pair.open_channel();
    let properties = BasicProperties::default();
    for size in [1 << 20, 1 << 20] {
        let message = publish("q", &properties, vec![0; size]);
        pair.client.connection.publish(client, &message).unwrap();
    }
    // A little of the first one leaves.
    let begun = pair
        .client
        .connection
        .output(pair.now)
        .copy_to_bytes(10_000);
    pair.server.inject(&begun, pair.now);
    pair.server
        .connection
        .close_channel(server, 404, "gone")
        .unwrap();
    let close = pair.server.take_output(pair.now);
    pair.client.inject(&close, pair.now);
    let left = pair.client.connection.pending_output_bytes();
    assert!((1_000_000..1_050_000).contains(&left), "{left}");
    pair.drive();
    assert!(pair.client.connection.is_connected() && pair.server.connection.is_connected());
    pair.client.take_events();
    pair.server.take_events();
    pair.open_channel();
}

#[test]
fn close_texts_are_cut_to_what_fits() {
    let mut pair = Pair::connected();
    let (_, server) = pair.open_channel();
    pair.server
        .connection
        .close_channel(server, 404, &"ü".repeat(200))
        .unwrap();
    pair.drive();
    let Event::ChannelClosed {
        reason: ChannelCloseReason::Peer(close),
        ..
    } = pair.client.event()
    else {
        panic!();
    };
    assert_eq!(close.text, "ü".repeat(127));
}

#[test]
fn a_network_failure_is_told_with_its_words() {
    let mut pair = Pair::connected();
    let connection: &mut Connection = &mut pair.client.connection;
    connection.handle_io_error(&std::io::Error::from(std::io::ErrorKind::ConnectionReset));
    let Event::Closed {
        reason: CloseReason::Io { kind, phase, .. },
    } = pair.client.event()
    else {
        panic!();
    };
    assert_eq!(
        (kind, phase),
        (std::io::ErrorKind::ConnectionReset, Phase::Running)
    );
}
