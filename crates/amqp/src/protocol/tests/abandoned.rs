//! Requests that nobody waits for any more.

use super::{declare, pair::Pair};
use crate::{
    codec::{
        BasicProperties, Method,
        methods::{basic, queue},
    },
    protocol::{Event, Reply},
};

fn declared(queue: &str) -> Method<'_> {
    queue::DeclareOk {
        queue,
        ..Default::default()
    }
    .into()
}

#[test]
fn point_04_the_reply_to_an_abandoned_request_goes_to_nobody() {
    let mut pair = Pair::connected();
    let (client, server) = pair.open_channel();
    let late = pair
        .client
        .connection
        .request(client, &declare("late"))
        .unwrap();
    pair.drive();
    pair.client.connection.abandon(client, late);
    let next = pair
        .client
        .connection
        .request(client, &declare("next"))
        .unwrap();
    pair.drive();
    pair.server
        .connection
        .send(server, &declared("late"))
        .unwrap();
    pair.drive();
    assert_eq!(pair.client.take_events(), []);
    pair.server
        .connection
        .send(server, &declared("next"))
        .unwrap();
    pair.drive();
    assert!(matches!(
        pair.client.reply(next),
        Reply::QueueDeclared { queue, .. } if queue == "next"
    ));
    assert_eq!(pair.client.connection.stats().orphan_replies, 1);
}

#[test]
fn point_04_a_message_for_an_abandoned_get_goes_back_to_its_queue() {
    let mut pair = Pair::connected();
    let (client, server) = pair.open_channel();
    let get = pair
        .client
        .connection
        .request(client, &basic::Get::default().into())
        .unwrap();
    pair.drive();
    pair.server.method();
    pair.client.connection.abandon(client, get);
    let get_ok = basic::GetOk {
        delivery_tag: 1,
        ..Default::default()
    };
    let properties = BasicProperties::default();
    pair.server
        .connection
        .send_content(server, &get_ok.into(), &properties, "x".into())
        .unwrap();
    pair.drive();
    assert_eq!(pair.client.take_events(), []);
    let Event::Method { method, .. } = pair.server.event() else {
        panic!("no method")
    };
    let reject = basic::Reject {
        delivery_tag: 1,
        requeue: true,
    };
    assert_eq!(method.decode().unwrap(), reject.into());
}

#[test]
fn point_04_an_abandoned_consumer_is_cancelled() {
    let mut pair = Pair::connected();
    let (client, server) = pair.open_channel();
    let consume = basic::Consume {
        consumer_tag: "c",
        ..Default::default()
    };
    let consume = pair
        .client
        .connection
        .request(client, &consume.into())
        .unwrap();
    pair.drive();
    pair.server.method();
    pair.client.connection.abandon(client, consume);
    let consume_ok = basic::ConsumeOk { consumer_tag: "c" };
    pair.server
        .connection
        .send(server, &consume_ok.into())
        .unwrap();
    pair.deliver(server, 1, b"x");
    pair.drive();
    assert_eq!(pair.server.method(), "basic.cancel");
    assert_eq!(pair.server.method(), "basic.reject");
    pair.server
        .connection
        .send(server, &basic::CancelOk { consumer_tag: "c" }.into())
        .unwrap();
    let reply = pair.exchange(client, server, &declare("q"), &[declared("q")]);
    assert!(matches!(reply, Reply::QueueDeclared { .. }));
}

#[test]
fn a_get_whose_message_breaks_the_rules_is_unsettled() {
    let mut pair = Pair::connected();
    let (client, server) = pair.open_channel();
    let get = basic::Get::default().into();
    let get = pair.client.connection.request(client, &get).unwrap();
    pair.drive();
    pair.server.method();
    // Delivery tags count from 1.
    let properties = BasicProperties::default();
    pair.server
        .connection
        .send_content(
            server,
            &basic::GetOk::default().into(),
            &properties,
            "x".into(),
        )
        .unwrap();
    pair.drive();
    let Event::ChannelClosed { unsettled, .. } = pair.client.event() else {
        panic!("the channel's end was not told")
    };
    assert_eq!(unsettled.requests, [get]);
}

#[test]
fn a_get_whose_message_is_cut_off_is_unsettled() {
    let mut pair = Pair::connected();
    let (client, server) = pair.open_channel();
    let get = basic::Get::default().into();
    let get = pair.client.connection.request(client, &get).unwrap();
    pair.drive();
    pair.server.method();
    let get_ok = basic::GetOk {
        delivery_tag: 1,
        ..Default::default()
    };
    let properties = BasicProperties::default();
    pair.server
        .connection
        .send_content(server, &get_ok.into(), &properties, "x".into())
        .unwrap();
    let bytes = pair.server.take_output(pair.now);
    // All but its body, which has one byte and eight around it.
    let begun = &bytes[..bytes.len() - 9];
    pair.client.inject(begun, pair.now);
    pair.cut();
    let Event::ChannelClosed { unsettled, .. } = pair.client.event() else {
        panic!("the channel's end was not told")
    };
    assert_eq!(unsettled.requests, [get]);
}
