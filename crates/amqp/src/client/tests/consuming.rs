//! Consuming: sinks, streams, acknowledgements, cancels from both sides.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::broker::{Broker, channel, open_channel};
use crate::client::{
    Channel, ChannelCloseReason, ChannelEvent, Consume, Delivery, DeliverySink, Disposition, Error,
    QueueDeclare,
};
use crate::codec::methods::{basic, queue};
use crate::codec::{BasicProperties, Method};
use crate::protocol::{ChannelId, Event};

const LONG: Duration = Duration::from_mins(1);

/// Hands deliveries on and answers the same to each.
pub(super) struct Forward {
    deliveries: mpsc::UnboundedSender<Delivery>,
    disposition: Disposition,
    ended: Arc<Mutex<Vec<String>>>,
}

impl DeliverySink for Forward {
    fn deliver(&mut self, delivery: Delivery) -> Disposition {
        let _ = self.deliveries.send(delivery);
        self.disposition
    }

    fn cancelled(&mut self) {
        self.ended.lock().unwrap().push("cancelled".to_owned());
    }

    fn closed(&mut self, reason: &Error) {
        self.ended.lock().unwrap().push(reason.to_string());
    }
}

pub(super) struct Forwarded {
    pub(super) deliveries: mpsc::UnboundedReceiver<Delivery>,
    ended: Arc<Mutex<Vec<String>>>,
}

pub(super) fn forward(disposition: Disposition) -> (Box<Forward>, Forwarded) {
    let (sender, deliveries) = mpsc::unbounded_channel();
    let ended = Arc::new(Mutex::new(Vec::new()));
    let sink = Forward {
        deliveries: sender,
        disposition,
        ended: Arc::clone(&ended),
    };
    (Box::new(sink), Forwarded { deliveries, ended })
}

async fn consume_ok(broker: &mut Broker, id: ChannelId, consumer_tag: &str) {
    broker.send(id, basic::ConsumeOk { consumer_tag }).await;
}

/// Starts a consumer with the broker's consent.
pub(super) async fn consume(
    channel: &Channel,
    broker: &mut Broker,
    id: ChannelId,
    disposition: Disposition,
) -> (String, Forwarded) {
    let (sink, forwarded) = forward(disposition);
    let consuming = channel.consume(Consume::new("q"), sink);
    let (_, method) = broker.method("basic.consume").await;
    let Method::BasicConsume(method) = method.decode().unwrap() else {
        panic!()
    };
    broker
        .send(
            id,
            basic::ConsumeOk {
                consumer_tag: method.consumer_tag,
            },
        )
        .await;
    (consuming.await.unwrap(), forwarded)
}

#[tokio::test(start_paused = true)]
async fn deliveries_right_behind_consume_ok_are_not_lost_and_share_one_ack() {
    let (_connection, channel, _events, mut broker, id) = channel().await;
    let (sink, mut forwarded) = forward(Disposition::Ack);
    let consuming = channel.consume(Consume::new("q"), sink);
    let (_, method) = broker.method("basic.consume").await;
    let Method::BasicConsume(method) = method.decode().unwrap() else {
        panic!()
    };

    let ok = basic::ConsumeOk {
        consumer_tag: method.consumer_tag,
    };
    broker.protocol.send(id, &ok.into()).unwrap();
    for tag in 1..=5 {
        broker.deliver(id, method.consumer_tag, tag);
    }
    broker.flush().await;

    for tag in 1..=5 {
        assert_eq!(forwarded.deliveries.recv().await.unwrap().delivery_tag, tag);
    }
    assert_eq!(consuming.await.unwrap(), method.consumer_tag);
    let (_, ack) = broker.method("basic.ack").await;
    let ack = ack.decode().unwrap();
    assert_eq!(
        ack,
        basic::Ack {
            delivery_tag: 5,
            multiple: true
        }
        .into()
    );
}

#[tokio::test(start_paused = true)]
async fn held_deliveries_are_acknowledged_later_and_rejected_ones_go_back() {
    let (_connection, channel, _events, mut broker, id) = channel().await;
    let (tag, mut forwarded) = consume(&channel, &mut broker, id, Disposition::Hold).await;
    broker.deliver(id, &tag, 1);
    broker.deliver(id, &tag, 2);
    broker.flush().await;
    forwarded.deliveries.recv().await.unwrap();
    forwarded.deliveries.recv().await.unwrap();

    channel.reject(1, true).unwrap();
    let (_, method) = broker.method("basic.reject").await;
    let expected = basic::Reject {
        delivery_tag: 1,
        requeue: true,
    };
    assert_eq!(method.decode().unwrap(), expected.into());
    channel.ack(2, false).unwrap();
    let (_, method) = broker.method("basic.ack").await;
    assert_eq!(
        method.decode().unwrap(),
        basic::Ack {
            delivery_tag: 2,
            multiple: false
        }
        .into()
    );
}

#[tokio::test(start_paused = true)]
async fn a_cancel_by_the_broker_is_an_event_and_the_channel_still_settles() {
    let (_connection, channel, mut events, mut broker, id) = channel().await;
    let (tag, mut forwarded) = consume(&channel, &mut broker, id, Disposition::Hold).await;
    broker.deliver(id, &tag, 1);
    broker.flush().await;
    let delivery = forwarded.deliveries.recv().await.unwrap();

    broker
        .send(
            id,
            basic::Cancel {
                consumer_tag: &tag,
                no_wait: true,
            },
        )
        .await;

    let event = events.next().await;
    assert_eq!(
        event,
        Some(ChannelEvent::ConsumerCancelled { consumer_tag: tag })
    );
    assert_eq!(*forwarded.ended.lock().unwrap(), ["cancelled"]);
    channel.ack(delivery.delivery_tag, false).unwrap();
    broker.method("basic.ack").await;
}

#[tokio::test(start_paused = true)]
async fn cancelling_drops_the_sink_when_the_broker_agrees() {
    let (_connection, channel, _events, mut broker, id) = channel().await;
    let (tag, mut forwarded) = consume(&channel, &mut broker, id, Disposition::Ack).await;

    let cancelled = channel.cancel(&tag);
    broker.method("basic.cancel").await;
    // On its way when the cancel was: it still finds the sink.
    broker.deliver(id, &tag, 1);
    broker
        .send(id, basic::CancelOk { consumer_tag: &tag })
        .await;

    assert_eq!(cancelled.await, Ok(()));
    assert_eq!(
        forwarded
            .deliveries
            .recv()
            .await
            .map(|delivery| delivery.delivery_tag),
        Some(1)
    );
    assert!(
        forwarded.deliveries.recv().await.is_none(),
        "the sink is gone"
    );
}

#[tokio::test(start_paused = true)]
async fn sinks_are_told_when_their_channel_closes() {
    let (_connection, channel, _events, mut broker, id) = channel().await;
    let (_, forwarded) = consume(&channel, &mut broker, id, Disposition::Ack).await;

    let closing = channel.close();
    assert!(matches!(broker.event().await, Event::ChannelClosed { .. }));
    broker.flush().await;

    assert_eq!(closing.await, Ok(()));
    let reason = Error::ChannelClosed(ChannelCloseReason::Requested).to_string();
    assert_eq!(*forwarded.ended.lock().unwrap(), [reason]);
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_nobody_waited_for_is_cancelled() {
    let (_connection, channel, _events, mut broker, id) = channel().await;
    let (sink, _forwarded) = forward(Disposition::Ack);

    drop(channel.consume(Consume::new("q"), sink));

    let (_, method) = broker.method("basic.consume").await;
    let Method::BasicConsume(method) = method.decode().unwrap() else {
        panic!()
    };
    broker
        .send(
            id,
            basic::ConsumeOk {
                consumer_tag: method.consumer_tag,
            },
        )
        .await;
    broker.method("basic.cancel").await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_nobody_waited_for_goes_back_and_the_next_answer_is_not_mixed_up() {
    let (_connection, channel, _events, mut broker, id) = channel().await;
    drop(channel.get("q", false));
    let declared = channel.queue_declare(QueueDeclare::new("next"));

    broker.method("basic.get").await;
    let got = basic::GetOk {
        delivery_tag: 1,
        redelivered: false,
        exchange: "",
        routing_key: "q",
        message_count: 0,
    };
    broker
        .protocol
        .send_content(
            id,
            &got.into(),
            &BasicProperties::default(),
            "orphan".into(),
        )
        .unwrap();
    let answer = queue::DeclareOk {
        queue: "next",
        message_count: 7,
        consumer_count: 0,
    };
    broker.answer("queue.declare", answer).await;

    assert_eq!(declared.await.unwrap().message_count, 7);
    let (_, method) = broker.method("basic.reject").await;
    let expected = basic::Reject {
        delivery_tag: 1,
        requeue: true,
    };
    assert_eq!(method.decode().unwrap(), expected.into());
}

#[tokio::test(start_paused = true)]
async fn a_tag_in_use_is_refused_without_harm() {
    let (_connection, channel, _events, mut broker, id) = channel().await;
    let (tag, mut forwarded) = consume(&channel, &mut broker, id, Disposition::Ack).await;
    let (sink, _) = forward(Disposition::Ack);

    let again = Consume {
        consumer_tag: tag.clone(),
        ..Consume::new("q")
    };
    let refused = channel.consume(again, sink).await;

    assert_eq!(
        refused,
        Err(Error::ConsumerTagInUse {
            consumer_tag: tag.clone()
        })
    );
    broker.deliver(id, &tag, 1);
    broker.flush().await;
    assert!(forwarded.deliveries.recv().await.is_some());
}

#[tokio::test(start_paused = true)]
async fn acknowledging_on_a_dead_channel_fails_and_never_reaches_its_successor() {
    let (connection, channel, mut events, mut broker, id) = channel().await;
    let (tag, mut forwarded) = consume(&channel, &mut broker, id, Disposition::Hold).await;
    broker.deliver(id, &tag, 1);
    broker.flush().await;
    forwarded.deliveries.recv().await.unwrap();
    broker
        .protocol
        .close_channel(id, 541, "INTERNAL_ERROR")
        .unwrap();
    assert!(matches!(broker.event().await, Event::ChannelClosed { .. }));
    events.next().await;
    assert!(matches!(
        channel.ack(1, false),
        Err(Error::ChannelClosed(_))
    ));

    let (successor, _events, successor_id) = open_channel(&connection, &mut broker).await;
    assert_eq!(successor.id(), channel.id());
    let (tag, mut forwarded) =
        consume(&successor, &mut broker, successor_id, Disposition::Hold).await;
    broker.deliver(successor_id, &tag, 1);
    broker.flush().await;
    forwarded.deliveries.recv().await.unwrap();
    drop(channel);

    assert!(
        timeout(LONG, broker.event()).await.is_err(),
        "nothing is sent for the old channel"
    );
    assert!(successor.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_panicking_sink_costs_its_message_and_nothing_else() {
    struct Panics;
    impl DeliverySink for Panics {
        fn deliver(&mut self, delivery: Delivery) -> Disposition {
            assert_ne!(delivery.delivery_tag, 1, "this test's sink panics");
            Disposition::Ack
        }

        fn cancelled(&mut self) {
            panic!("this test's sink panics again");
        }
    }
    let (connection, channel, mut events, mut broker, id) = channel().await;
    let consuming = channel.consume(Consume::new("q"), Box::new(Panics));
    broker.method("basic.consume").await;
    consume_ok(&mut broker, id, "consumer-0").await;
    consuming.await.unwrap();

    broker.deliver(id, "consumer-0", 1);
    broker.deliver(id, "consumer-0", 2);
    let (_, rejected) = broker.method("basic.reject").await;
    let reject = basic::Reject {
        delivery_tag: 1,
        requeue: false,
    };
    assert_eq!(rejected.decode().unwrap(), reject.into());
    broker.method("basic.ack").await;
    let cancel = basic::Cancel {
        consumer_tag: "consumer-0",
        no_wait: true,
    };
    broker.send(id, cancel).await;

    let told = events.next().await;
    assert!(matches!(told, Some(ChannelEvent::ConsumerCancelled { .. })));
    assert_eq!(connection.stats().sink_panics, 2);
    assert!(channel.is_open());
}
