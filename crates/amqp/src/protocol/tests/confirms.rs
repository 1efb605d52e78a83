use super::{mandatory, pair::Pair, publish, with_id};
use crate::{
    codec::{
        BasicProperties, Method,
        methods::{basic, channel, confirm},
    },
    protocol::{ChannelId, Event, Outcome, Returned, SendError},
};

fn ack(delivery_tag: u64, multiple: bool) -> Method<'static> {
    basic::Ack {
        delivery_tag,
        multiple,
    }
    .into()
}

fn publish_some(pair: &mut Pair, channel: ChannelId, count: u64) {
    let properties = BasicProperties::default();
    for _ in 0..count {
        let plain = publish("q", &properties, "x");
        pair.client
            .connection
            .publish(channel, &plain)
            .unwrap()
            .unwrap();
    }
    pair.drive();
}

/// The tags and outcomes that the client has been told.
fn confirmed(pair: &mut Pair) -> Vec<(u64, Outcome)> {
    let tell = |event| match event {
        Event::Confirmed { tag, outcome, .. } => (tag, outcome),
        other => panic!("not a confirm: {other:?}"),
    };
    pair.client.take_events().into_iter().map(tell).collect()
}

fn give_back(pair: &mut Pair, channel: ChannelId, message_id: &str) {
    let method = basic::Return {
        reply_code: 312,
        reply_text: "NO_ROUTE",
        exchange: "",
        routing_key: "nowhere",
    };
    pair.server
        .connection
        .send_content(channel, &method.into(), &with_id(message_id), "x".into())
        .unwrap();
}

fn no_route() -> Returned {
    Returned {
        reply_code: 312,
        reply_text: "NO_ROUTE".into(),
    }
}

#[test]
fn point_02_a_tag_is_taken_with_the_frames_or_not_at_all() {
    let mut pair = Pair::connected();
    let (client, _) = pair.open_confirming();
    let connection = &mut pair.client.connection;
    let (good, too_long) = (BasicProperties::default(), "k".repeat(256));
    assert_eq!(
        connection.publish(client, &publish("1", &good, "x")),
        Ok(Some(1))
    );
    let refused = connection.publish(client, &publish(&too_long, &good, "x"));
    assert!(matches!(refused, Err(SendError::Encode(_))));
    assert_eq!(
        connection.publish(client, &publish("2", &good, "x")),
        Ok(Some(2))
    );
    pair.drive();
    for expected in [1, 2] {
        let Event::Published { tag, message, .. } = pair.server.event() else {
            panic!()
        };
        assert_eq!(tag, Some(expected));
        assert_eq!(*message.routing_key, expected.to_string());
    }
}

#[test]
fn point_03_every_publish_behind_confirm_select_takes_a_tag() {
    let mut pair = Pair::connected();
    let (client, server) = pair.open_channel();
    let connection = &mut pair.client.connection;
    let properties = with_id("m");
    assert_eq!(
        connection.publish(client, &publish("q", &properties, "x")),
        Ok(None)
    );
    connection
        .request(client, &confirm::Select::default().into())
        .unwrap();
    // The broker counts from the method on, so we do not wait for its answer.
    assert_eq!(
        connection.publish(client, &publish("q", &properties, "x")),
        Ok(Some(1))
    );
    assert_eq!(
        connection.publish(client, &mandatory("q", &properties)),
        Ok(Some(2))
    );
    assert_eq!(connection.unconfirmed(client), 2);
    pair.drive();
    let tags: Vec<_> = pair
        .server
        .take_events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Published { tag, .. } => Some(tag),
            _ => None,
        })
        .collect();
    assert_eq!(tags, [None, Some(1), Some(2)]);
    pair.server
        .connection
        .send(server, &confirm::SelectOk {}.into())
        .unwrap();
    pair.server.connection.send(server, &ack(2, true)).unwrap();
    pair.drive();
    pair.client.event();
    assert_eq!(confirmed(&mut pair), [(1, Outcome::Ack), (2, Outcome::Ack)]);
    assert_eq!(pair.client.connection.unconfirmed(client), 0);
}

#[test]
fn point_18_multiple_is_completed_in_tag_order() {
    let mut pair = Pair::connected();
    let (client, server) = pair.open_confirming();
    publish_some(&mut pair, client, 10);
    pair.server.connection.send(server, &ack(4, false)).unwrap();
    let nack = basic::Nack {
        delivery_tag: 2,
        multiple: false,
        requeue: false,
    };
    pair.server.connection.send(server, &nack.into()).unwrap();
    pair.server.connection.send(server, &ack(7, true)).unwrap();
    pair.server.connection.send(server, &ack(0, true)).unwrap();
    pair.drive();
    let ack = Outcome::Ack;
    let expected = [4, 2, 1, 3, 5, 6, 7, 8, 9, 10]
        .map(|tag| (tag, if tag == 2 { Outcome::Nack } else { ack.clone() }));
    assert_eq!(confirmed(&mut pair), expected);
    assert_eq!(pair.client.connection.unconfirmed(client), 0);
}

#[test]
fn confirms_that_nothing_waits_for_are_counted_and_ignored() {
    let mut pair = Pair::connected();
    let (client, server) = pair.open_confirming();
    publish_some(&mut pair, client, 1);
    for method in [
        ack(5, false),
        ack(5, true),
        ack(1, false),
        ack(1, false),
        ack(u64::MAX, true),
    ] {
        pair.server.connection.send(server, &method).unwrap();
    }
    pair.drive();
    assert_eq!(confirmed(&mut pair), [(1, Outcome::Ack)]);
    assert_eq!(pair.client.connection.stats().unknown_confirms, 4);
    publish_some(&mut pair, client, 1);
    assert_eq!(pair.client.connection.unconfirmed(client), 1);
}

#[test]
fn point_14_returns_find_their_own_publish_in_a_pipeline() {
    let mut pair = Pair::connected();
    let (client, server) = pair.open_confirming();
    for tag in 1..=6 {
        let properties = with_id(&format!("m{tag}"));
        let sent = pair
            .client
            .connection
            .publish(client, &mandatory("q", &properties));
        assert_eq!(sent, Ok(Some(tag)));
    }
    pair.drive();
    // The oldest is still in work when two younger ones come back, and one ack covers all.
    give_back(&mut pair, server, "m5");
    give_back(&mut pair, server, "m2");
    pair.server.connection.send(server, &ack(6, true)).unwrap();
    pair.drive();
    let returned = |tag| tag == 2 || tag == 5;
    let outcome = |tag| {
        if returned(tag) {
            Outcome::Returned(no_route())
        } else {
            Outcome::Ack
        }
    };
    let expected: Vec<_> = (1..=6).map(|tag| (tag, outcome(tag))).collect();
    assert_eq!(confirmed(&mut pair), expected);
}

#[test]
fn point_14_what_can_not_be_matched_is_refused_or_reported() {
    let mut pair = Pair::connected();
    let (confirming, server) = pair.open_confirming();
    let nameless = BasicProperties::default();
    let refused = pair
        .client
        .connection
        .publish(confirming, &mandatory("q", &nameless));
    assert_eq!(refused, Err(SendError::MissingMessageId));
    give_back(&mut pair, server, "stranger");
    pair.drive();
    let Event::Returned {
        channel,
        returned,
        message,
    } = pair.client.event()
    else {
        panic!()
    };
    assert_eq!((channel, returned), (confirming, no_route()));
    assert_eq!(
        (&*message.routing_key, &message.body[..]),
        ("nowhere", &b"x"[..])
    );

    // Without confirms nothing needs a name.
    let (plain, _) = pair.open_channel();
    assert_eq!(
        pair.client
            .connection
            .publish(plain, &mandatory("q", &nameless)),
        Ok(None)
    );
}

#[test]
fn a_return_without_its_confirm_is_told_when_the_channel_goes() {
    let mut pair = Pair::connected();
    let (client, server) = pair.open_confirming();
    for name in ["a", "b", "c"] {
        pair.client
            .connection
            .publish(client, &mandatory("q", &with_id(name)))
            .unwrap();
    }
    pair.drive();
    give_back(&mut pair, server, "b");
    pair.drive();
    pair.cut();
    let outcome = Outcome::Returned(no_route());
    assert_eq!(
        pair.client.event(),
        Event::Confirmed {
            channel: client,
            tag: 2,
            outcome
        }
    );
    let Event::ChannelClosed { unsettled, .. } = pair.client.event() else {
        panic!()
    };
    assert_eq!(unsettled.publishes, [1, 3]);
}

#[test]
fn a_stopped_flow_refuses_publishes_until_it_resumes() {
    let mut pair = Pair::connected();
    let (client, server) = pair.open_channel();
    let properties = BasicProperties::default();
    for active in [false, true] {
        pair.server
            .connection
            .send(server, &channel::Flow { active }.into())
            .unwrap();
        pair.drive();
        assert_eq!(
            pair.client.event(),
            Event::Flow {
                channel: client,
                active
            }
        );
        assert_eq!(pair.server.method(), "channel.flow-ok");
        let sent = pair
            .client
            .connection
            .publish(client, &publish("q", &properties, "x"));
        assert_eq!(sent.is_ok(), active);
        assert!(active || sent == Err(SendError::FlowStopped));
    }
}

#[test]
fn point_17_a_blocked_connection_still_acknowledges() {
    let mut pair = Pair::connected();
    let (client, server) = pair.open_consuming();
    pair.deliver(server, 1, b"x");
    pair.server
        .connection
        .set_blocked(Some("low on memory"))
        .unwrap();
    pair.drive();
    let Event::Delivery { .. } = pair.client.event() else {
        panic!()
    };
    assert_eq!(
        pair.client.event(),
        Event::Blocked {
            reason: "low on memory".into()
        }
    );
    assert!(pair.client.connection.is_blocked());
    pair.client.connection.ack(client, 1, false).unwrap();
    pair.drive();
    assert_eq!(pair.server.method(), "basic.ack");
    pair.server.connection.set_blocked(None).unwrap();
    pair.drive();
    assert_eq!(pair.client.event(), Event::Unblocked);
    assert!(!pair.client.connection.is_blocked());
}
