//! Publishing: order, confirms, returns, the window, a blocked broker.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::broker::{channel, confirming, open_channel, options, pair};
use crate::client::{
    ChannelCloseReason, Confirmed, ConnectOptions, ConnectionEvent, Error, ExchangeDeclare,
    ExchangeKind, Publish, PublishError,
};
use crate::codec::BasicProperties;
use crate::codec::methods::{basic, confirm, exchange};

/// Long enough for anything that is going to happen; time is paused.
const LONG: Duration = Duration::from_mins(1);

#[tokio::test(start_paused = true)]
async fn a_declare_and_a_publish_keep_their_order_without_waiting() {
    let (_connection, channel, _events, mut broker, _) = channel().await;

    let declared = channel.exchange_declare(ExchangeDeclare::new("fan", ExchangeKind::Fanout));
    let confirmation = channel
        .publish(Publish::new("fan", "", "news"))
        .await
        .unwrap();

    broker
        .answer("exchange.declare", exchange::DeclareOk {})
        .await;
    let (_, message) = broker.published().await;
    assert_eq!(&*message.exchange, "fan");
    assert_eq!(declared.await, Ok(()));
    assert_eq!(confirmation.await, Ok(Confirmed::NotRequested));
}

#[tokio::test(start_paused = true)]
async fn a_return_is_matched_to_its_own_publish_among_pipelined_ones() {
    let (_connection, channel, _events, mut broker, id) = confirming().await;
    let mut confirmations = Vec::new();
    for key in ["first", "lost", "third"] {
        let publish = Publish::new("", key, key).mandatory();
        confirmations.push(channel.publish(publish).await.unwrap());
    }

    let mut messages = Vec::new();
    for _ in 0..3 {
        messages.push(broker.published().await.1);
    }
    let lost = &messages[1];
    let returned = basic::Return {
        reply_code: 312,
        reply_text: "NO_ROUTE",
        exchange: &lost.exchange,
        routing_key: &lost.routing_key,
    };
    broker
        .protocol
        .send_content(id, &returned.into(), &lost.properties, lost.body.clone())
        .unwrap();
    broker
        .send(
            id,
            basic::Ack {
                delivery_tag: 3,
                multiple: true,
            },
        )
        .await;

    let mut outcomes = Vec::new();
    for confirmation in confirmations {
        outcomes.push(confirmation.await.unwrap());
    }
    assert!(outcomes[0].is_ack() && outcomes[2].is_ack(), "{outcomes:?}");
    assert!(matches!(&outcomes[1], Confirmed::Returned(why) if why.reply_code == 312));
}

#[tokio::test(start_paused = true)]
async fn a_nack_is_told_from_an_ack() {
    let (_connection, channel, _events, mut broker, id) = confirming().await;
    let confirmation = channel
        .publish(Publish::new("", "full", "x"))
        .await
        .unwrap();

    broker.published().await;
    broker
        .send(
            id,
            basic::Nack {
                delivery_tag: 1,
                multiple: false,
                requeue: false,
            },
        )
        .await;

    assert_eq!(confirmation.await, Ok(Confirmed::Nack));
}

#[tokio::test(start_paused = true)]
async fn the_window_holds_publishes_back_until_confirms_make_room() {
    let options = ConnectOptions {
        publish_window: 3 * 8192,
        ..options()
    };
    let (connection, _, mut broker) = pair(options).await;
    let (channel, _events, id) = open_channel(&connection, &mut broker).await;
    let selected = channel.confirm_select();
    broker.answer("confirm.select", confirm::SelectOk {}).await;
    selected.await.unwrap();

    for _ in 0..3 {
        drop(channel.publish(Publish::new("", "q", "x")).await.unwrap());
        broker.published().await;
    }
    let mut fourth = Box::pin(channel.publish(Publish::new("", "q", "x")));
    assert!(
        timeout(LONG, &mut fourth).await.is_err(),
        "the window is full"
    );

    broker
        .send(
            id,
            basic::Ack {
                delivery_tag: 2,
                multiple: false,
            },
        )
        .await;
    drop(fourth.await.unwrap());
    broker.published().await;

    // One that exceeds the whole window goes alone.
    let big = Publish::new("", "q", Bytes::from(vec![0; 100_000]));
    let mut alone = Box::pin(channel.publish(big));
    assert!(timeout(LONG, &mut alone).await.is_err());
    broker
        .send(
            id,
            basic::Ack {
                delivery_tag: 4,
                multiple: true,
            },
        )
        .await;
    drop(alone.await.unwrap());
    assert_eq!(broker.published().await.1.body.len(), 100_000);
}

#[tokio::test(start_paused = true)]
async fn an_admitted_publish_takes_its_expiration_late_and_gives_its_room_back_when_dropped() {
    let options = ConnectOptions {
        publish_window: 8192,
        ..options()
    };
    let (connection, _, mut broker) = pair(options).await;
    let (channel, _events, _) = open_channel(&connection, &mut broker).await;
    let selected = channel.confirm_select();
    broker.answer("confirm.select", confirm::SelectOk {}).await;
    selected.await.unwrap();

    drop(channel.admit(1).await.unwrap());
    let admitted = channel.admit(1).await.unwrap();
    let mut behind = Box::pin(channel.publish(Publish::new("", "q", "y")));
    assert!(timeout(LONG, &mut behind).await.is_err(), "no room");
    let mut publish = Publish::new("", "q", "x");
    publish.properties.expiration = Some("1234".into());
    drop(admitted.publish(publish).unwrap());
    let (_, message) = broker.published().await;
    assert_eq!(&message.body[..], b"x");
    assert_eq!(message.properties.expiration.as_deref(), Some("1234"));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_publish_is_not_published_and_a_dropped_confirmation_is() {
    let options = ConnectOptions {
        publish_window: 8192,
        ..options()
    };
    let (connection, _, mut broker) = pair(options).await;
    let (channel, _events, id) = open_channel(&connection, &mut broker).await;
    let selected = channel.confirm_select();
    broker.answer("confirm.select", confirm::SelectOk {}).await;
    selected.await.unwrap();

    drop(
        channel
            .publish(Publish::new("", "q", "kept"))
            .await
            .unwrap(),
    );
    let waiting = channel.publish(Publish::new("", "q", "given up"));
    assert!(timeout(LONG, waiting).await.is_err());

    assert_eq!(&broker.published().await.1.body[..], b"kept");
    broker
        .send(
            id,
            basic::Ack {
                delivery_tag: 1,
                multiple: false,
            },
        )
        .await;
    drop(
        channel
            .publish(Publish::new("", "q", "next"))
            .await
            .unwrap(),
    );
    assert_eq!(&broker.published().await.1.body[..], b"next");
}

#[tokio::test(start_paused = true)]
async fn a_blocked_connection_holds_publishes_and_nothing_else() {
    let (connection, mut events, mut broker) = pair(options()).await;
    let (channel, _channel_events, _) = open_channel(&connection, &mut broker).await;
    broker.protocol.set_blocked(Some("low on memory")).unwrap();
    broker.flush().await;
    let reason = "low on memory".to_owned();
    assert_eq!(
        events.next().await,
        Some(ConnectionEvent::Blocked {
            reason: reason.clone()
        })
    );
    assert_eq!(connection.blocked(), Some(reason));

    // Held: the publish and the declare behind it. Not held: another channel.
    let mut published = channel
        .publish(Publish::new("late", "", "x"))
        .await
        .unwrap();
    let declared = channel.exchange_declare(ExchangeDeclare::new("late", ExchangeKind::Fanout));
    let (other, _other_events, other_id) = open_channel(&connection, &mut broker).await;
    let deleted = other.queue_declare(crate::client::QueueDeclare::new("q"));
    let (declared_on, _) = broker.method("queue.declare").await;
    assert_eq!(declared_on, other_id);
    let answer = crate::codec::methods::queue::DeclareOk {
        queue: "q",
        message_count: 0,
        consumer_count: 0,
    };
    broker.send(other_id, answer).await;
    deleted.await.unwrap();
    assert!(timeout(LONG, &mut published).await.is_err(), "held back");

    broker.protocol.set_blocked(None).unwrap();
    broker.flush().await;
    assert_eq!(events.next().await, Some(ConnectionEvent::Unblocked));
    assert_eq!(&*broker.published().await.1.exchange, "late");
    broker
        .answer("exchange.declare", exchange::DeclareOk {})
        .await;
    assert_eq!(published.await, Ok(Confirmed::NotRequested));
    assert_eq!(declared.await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn acknowledgements_go_out_while_the_connection_is_blocked() {
    let (connection, mut events, mut broker) = pair(options()).await;
    let (channel, _channel_events, id) = open_channel(&connection, &mut broker).await;
    let consumer = channel.consume_stream(crate::client::Consume::new("q"), 10);
    broker.answer("basic.qos", basic::QosOk {}).await;
    broker.method("basic.consume").await;
    broker
        .send(
            id,
            basic::ConsumeOk {
                consumer_tag: "consumer-0",
            },
        )
        .await;
    let mut consumer = consumer.await.unwrap();
    broker.protocol.set_blocked(Some("disk")).unwrap();
    broker.deliver(id, "consumer-0", 1);
    broker.flush().await;
    events.next().await;

    drop(
        channel
            .publish(Publish::new("", "q", "held"))
            .await
            .unwrap(),
    );
    let delivery = consumer.next().await.unwrap();
    channel.ack(delivery.delivery_tag, false).unwrap();

    broker.method("basic.ack").await;
}

#[tokio::test(start_paused = true)]
async fn channel_flow_pauses_publishing_on_its_channel() {
    let (_connection, channel, mut events, mut broker, id) = confirming().await;
    broker
        .send(id, crate::codec::methods::channel::Flow { active: false })
        .await;
    assert_eq!(
        events.next().await,
        Some(crate::client::ChannelEvent::Flow { active: false })
    );
    broker.method("channel.flow-ok").await;

    drop(
        channel
            .publish(Publish::new("", "q", "paused"))
            .await
            .unwrap(),
    );
    assert!(timeout(LONG, broker.event()).await.is_err());

    broker
        .send(id, crate::codec::methods::channel::Flow { active: true })
        .await;
    broker.method("channel.flow-ok").await;
    broker.published().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_unconfirmed_when_the_channel_closes_says_so() {
    let (_connection, channel, mut events, mut broker, id) = confirming().await;
    let unknown = channel
        .publish(Publish::new("missing", "", "x"))
        .await
        .unwrap();
    broker.published().await;

    let text = "NOT_FOUND - no exchange 'missing'";
    broker
        .protocol
        .close_channel_for(id, 404, text, basic::Publish::ID)
        .unwrap();
    broker.flush().await;

    let reason = ChannelCloseReason::ByServer {
        code: 404,
        text: text.to_owned(),
        method: (60, 40),
    };
    assert_eq!(
        unknown.await,
        Err(PublishError::ChannelClosed(reason.clone()))
    );
    let error = Error::ChannelClosed(reason);
    assert_eq!(
        events.next().await,
        Some(crate::client::ChannelEvent::Closed(error.clone()))
    );
    assert_eq!(events.next().await, None);
    assert_eq!(
        channel.publish(Publish::new("", "q", "x")).await.err(),
        Some(error.clone())
    );
    assert_eq!(channel.ack(1, false), Err(error));
}

#[tokio::test(start_paused = true)]
async fn a_publish_that_does_not_fit_amqp_fails_alone() {
    let (_connection, channel, _events, mut broker, id) = confirming().await;
    let long = Publish::new("", "k".repeat(256), "x");

    let refused = channel.publish(long).await.unwrap().await;
    let fine = channel.publish(Publish::new("", "q", "x")).await.unwrap();
    broker.published().await;
    broker
        .send(
            id,
            basic::Ack {
                delivery_tag: 1,
                multiple: false,
            },
        )
        .await;

    assert!(
        matches!(refused, Err(PublishError::Encode(_))),
        "{refused:?}"
    );
    assert_eq!(fine.await, Ok(Confirmed::Ack));
}

#[tokio::test(start_paused = true)]
async fn a_return_without_confirms_is_an_event() {
    let (_connection, channel, mut events, mut broker, id) = channel().await;
    drop(
        channel
            .publish(Publish::new("", "nowhere", "x").mandatory())
            .await
            .unwrap(),
    );
    let (_, message) = broker.published().await;
    let returned = basic::Return {
        reply_code: 312,
        reply_text: "NO_ROUTE",
        exchange: "",
        routing_key: "nowhere",
    };
    broker
        .protocol
        .send_content(
            id,
            &returned.into(),
            &BasicProperties::default(),
            message.body,
        )
        .unwrap();
    broker.flush().await;

    let event = events.next().await;
    assert!(
        matches!(&event, Some(crate::client::ChannelEvent::Returned { returned, message })
            if returned.reply_code == 312 && &*message.routing_key == "nowhere"),
        "{event:?}"
    );
}
