use std::time::Duration;

use super::pair::Pair;
use crate::{
    codec::{Method, methods::basic},
    protocol::{ChannelCloseReason, ChannelId, Event, SendError},
};

/// A channel with `count` unsettled deliveries.
fn with_deliveries(count: u64) -> (Pair, ChannelId, ChannelId) {
    let mut pair = Pair::connected();
    let (client, server) = pair.open_consuming();
    for tag in 1..=count {
        pair.deliver(server, tag, b"x");
    }
    pair.drive();
    assert_eq!(
        pair.client.take_events().len(),
        usize::try_from(count).unwrap()
    );
    (pair, client, server)
}

/// What the client has said to the server.
fn said(pair: &mut Pair) -> Vec<Method<'static>> {
    pair.drive();
    let tell = |event| match event {
        Event::Method { method, .. } => match method.decode().unwrap() {
            Method::BasicAck(ack) => ack.into(),
            Method::BasicNack(nack) => nack.into(),
            Method::BasicReject(reject) => reject.into(),
            other => panic!("unexpected {}", other.name()),
        },
        other => panic!("not a method: {other:?}"),
    };
    pair.server.take_events().into_iter().map(tell).collect()
}

fn ack(delivery_tag: u64, multiple: bool) -> Method<'static> {
    basic::Ack {
        delivery_tag,
        multiple,
    }
    .into()
}

#[test]
fn a_contiguous_run_leaves_as_one_frame() {
    let (mut pair, client, _) = with_deliveries(5);
    // The order does not matter.
    for tag in [2, 1, 4, 3] {
        pair.client.connection.ack(client, tag, false).unwrap();
    }
    assert_eq!(said(&mut pair), [ack(4, true)]);
    pair.client.connection.ack(client, 5, false).unwrap();
    assert_eq!(said(&mut pair), [ack(5, false)]);
}

#[test]
fn multiple_never_takes_along_what_is_in_work() {
    let (mut pair, client, _) = with_deliveries(8);
    for tag in [1, 2, 4, 5, 8] {
        pair.client.connection.ack(client, tag, false).unwrap();
    }
    assert_eq!(
        said(&mut pair),
        [ack(2, true), ack(4, false), ack(5, false), ack(8, false)]
    );
    for tag in [3, 6] {
        pair.client.connection.ack(client, tag, false).unwrap();
    }
    assert_eq!(said(&mut pair), [ack(6, true)]);
    pair.client.connection.ack(client, 7, true).unwrap();
    assert_eq!(said(&mut pair), [ack(7, false)]);
}

#[test]
fn multiple_of_the_owner_covers_all_up_to_its_tag() {
    let (mut pair, client, _) = with_deliveries(6);
    pair.client.connection.ack(client, 3, true).unwrap();
    assert_eq!(said(&mut pair), [ack(3, true)]);
    pair.client.connection.ack(client, 0, true).unwrap();
    assert_eq!(said(&mut pair), [ack(6, true)]);
    assert_eq!(
        pair.client.connection.ack(client, 0, true),
        Err(SendError::UnknownDelivery { tag: 0 })
    );
}

#[test]
fn rejections_do_not_overtake_or_swallow_acknowledgements() {
    let (mut pair, client, _) = with_deliveries(6);
    let connection = &mut pair.client.connection;
    connection.ack(client, 1, false).unwrap();
    connection.ack(client, 3, false).unwrap();
    connection.nack(client, 4, true, true).unwrap();
    connection.reject(client, 6, false).unwrap();
    connection.ack(client, 5, false).unwrap();
    let nack = basic::Nack {
        delivery_tag: 4,
        multiple: true,
        requeue: true,
    };
    let reject = basic::Reject {
        delivery_tag: 6,
        requeue: false,
    };
    assert_eq!(
        said(&mut pair),
        [
            ack(1, false),
            ack(3, false),
            nack.into(),
            reject.into(),
            ack(5, false)
        ]
    );
}

#[test]
fn nothing_is_settled_twice() {
    let (mut pair, client, _) = with_deliveries(3);
    let connection = &mut pair.client.connection;
    connection.ack(client, 1, false).unwrap();
    for tag in [1, 4] {
        let unknown = SendError::UnknownDelivery { tag };
        assert_eq!(connection.ack(client, tag, false), Err(unknown.clone()));
        assert_eq!(connection.reject(client, tag, true), Err(unknown.clone()));
        assert_eq!(connection.nack(client, tag, false, true), Err(unknown));
    }
    connection.reject(client, 2, true).unwrap();
    assert!(connection.ack(client, 2, false).is_err());
}

#[test]
fn recovered_deliveries_come_again_under_other_tags() {
    let (mut pair, client, server) = with_deliveries(2);
    let recover = basic::Recover { requeue: true };
    pair.exchange(
        client,
        server,
        &recover.into(),
        &[basic::RecoverOk {}.into()],
    );
    let unknown = Err(SendError::UnknownDelivery { tag: 1 });
    assert_eq!(pair.client.connection.ack(client, 1, false), unknown);
    pair.deliver(server, 3, b"x");
    pair.drive();
    pair.client.connection.ack(client, 3, false).unwrap();
}

#[test]
fn what_needs_no_settling_can_not_be_settled() {
    let mut pair = Pair::connected();
    let (client, server) = pair.open_channel();
    let consume = basic::Consume {
        consumer_tag: "c",
        no_ack: true,
        ..Default::default()
    };
    let started = basic::ConsumeOk { consumer_tag: "c" };
    pair.exchange(client, server, &consume.into(), &[started.into()]);
    pair.deliver(server, 1, b"x");
    pair.drive();
    let Event::Delivery { .. } = pair.client.event() else {
        panic!()
    };
    assert!(pair.client.connection.ack(client, 1, false).is_err());
}

#[test]
fn acknowledgements_leave_before_the_channel_closes() {
    let (mut pair, client, _) = with_deliveries(2);
    pair.client.connection.ack(client, 2, true).unwrap();
    pair.client
        .connection
        .close_channel(client, 200, "bye")
        .unwrap();
    pair.drive();
    assert_eq!(pair.server.method(), "basic.ack");
    assert!(matches!(pair.server.event(), Event::ChannelClosed { .. }));
}

#[test]
fn acknowledgements_leave_before_the_connection_closes() {
    let (mut pair, client, _) = with_deliveries(2);
    pair.client.connection.ack(client, 2, true).unwrap();
    pair.client.connection.close(200, "bye", pair.now);
    pair.drive();
    assert_eq!(pair.server.method(), "basic.ack");
}

#[test]
fn point_09_after_a_server_cancel_deliveries_can_still_be_settled() {
    let (mut pair, client, server) = with_deliveries(2);
    let cancel = basic::Cancel {
        consumer_tag: "c",
        no_wait: true,
    };
    pair.server.connection.send(server, &cancel.into()).unwrap();
    pair.drive();
    let consumer_tag = "c".into();
    assert_eq!(
        pair.client.event(),
        Event::ConsumerCancelled {
            channel: client,
            consumer_tag
        }
    );
    assert!(pair.client.connection.channel_is_open(client));
    pair.client.connection.ack(client, 1, false).unwrap();
    pair.client.connection.reject(client, 2, true).unwrap();
    assert_eq!(said(&mut pair).len(), 2);
}

#[test]
fn point_15_settling_on_a_dead_channel_fails() {
    let (mut pair, client, server) = with_deliveries(3);
    pair.client.connection.ack(client, 1, false).unwrap();
    pair.server
        .connection
        .close_channel(server, 404, "NOT_FOUND")
        .unwrap();
    // The ack is under way when the close comes.
    pair.drive();
    let Event::ChannelClosed {
        channel,
        reason,
        unsettled,
    } = pair.client.event()
    else {
        panic!()
    };
    assert_eq!(channel, client);
    let ChannelCloseReason::Peer(close) = reason else {
        panic!("{reason:?}")
    };
    assert_eq!((close.code, close.text.as_str()), (404, "NOT_FOUND"));
    assert_eq!(unsettled.consumers, ["c".into()]);
    pair.server.take_events();
    // Another channel gets the same number, and a delivery with the same tag.
    let (again, server) = pair.open_consuming();
    assert_eq!(again.number(), client.number());
    pair.deliver(server, 2, b"x");
    pair.drive();
    let connection = &mut pair.client.connection;
    assert_eq!(
        connection.ack(client, 2, false),
        Err(SendError::ChannelClosed)
    );
    assert_eq!(
        connection.nack(client, 2, false, true),
        Err(SendError::ChannelClosed)
    );
    assert_eq!(
        connection.reject(client, 2, true),
        Err(SendError::ChannelClosed)
    );
    connection.ack(again, 2, false).unwrap();
    pair.cut();
    assert_eq!(
        pair.client.connection.ack(again, 2, false),
        Err(SendError::ConnectionClosed)
    );
}

#[test]
fn patient_acknowledgements_go_along_with_the_next_write() {
    let (mut pair, client, _) = with_deliveries(4);
    for tag in 1..=3 {
        pair.client.connection.ack_soon(client, tag).unwrap();
    }
    assert!(!pair.client.connection.has_output(), "nothing but they");
    assert_eq!(said(&mut pair), []);
    pair.client.connection.ack(client, 4, false).unwrap();
    assert_eq!(said(&mut pair), [ack(4, true)]);
}

#[test]
fn patient_acknowledgements_leave_by_themselves_in_time() {
    let (mut pair, client, _) = with_deliveries(2);
    pair.client.connection.ack_soon(client, 1).unwrap();
    pair.client.connection.ack_soon(client, 2).unwrap();
    let due = pair.client.connection.poll_timeout().unwrap();
    assert!(due <= pair.now + Duration::from_millis(5));
    pair.advance(due - pair.now);
    assert_eq!(said(&mut pair), [ack(2, true)]);
    let next = pair.client.connection.poll_timeout().unwrap();
    assert!(next > due + Duration::from_secs(1), "they are forgotten");
}

#[test]
fn many_patient_acknowledgements_wait_no_longer() {
    let (mut pair, client, _) = with_deliveries(64);
    for tag in 1..=64 {
        pair.client.connection.ack_soon(client, tag).unwrap();
    }
    assert!(pair.client.connection.has_output());
    assert_eq!(said(&mut pair), [ack(64, true)]);
}

#[test]
fn a_close_takes_patient_acknowledgements_along() {
    let (mut pair, client, _) = with_deliveries(1);
    pair.client.connection.ack_soon(client, 1).unwrap();
    pair.client.connection.close(200, "bye", pair.now);
    pair.drive();
    let first = pair.server.take_events().into_iter().next();
    assert!(matches!(first, Some(Event::Method { .. })), "{first:?}");
}
