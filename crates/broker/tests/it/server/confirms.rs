//! Publisher confirms on the wire.

use bergen_amqp::client::{Confirmed, Publish, QueueDeclare};
use bergen_amqp::codec::methods::{confirm, queue};
use bergen_amqp::codec::{BasicProperties, FieldTable, FieldValue, Method};

use super::raw::{Raw, published};
use super::{channel, connect, start, within};

#[tokio::test]
async fn a_burst_is_confirmed_by_few_frames() {
    const MESSAGES: u64 = 200;
    let broker = start().await;
    let mut raw = Raw::open(&broker).await;
    raw.open_channel(1).await;
    raw.send(
        1,
        queue::Declare {
            queue: "q",
            ..queue::Declare::default()
        },
    )
    .await;
    assert!(raw.next().await.is("queue.declare-ok"));
    raw.send(1, confirm::Select { no_wait: false }).await;
    assert!(raw.next().await.is("confirm.select-ok"));
    let one = published(1, "", "q", &BasicProperties::default(), b"x");
    raw.write(&one.repeat(usize::try_from(MESSAGES).unwrap()))
        .await;
    let (mut confirmed, mut frames) = (0, 0);
    while confirmed < MESSAGES {
        let frame = raw.next().await;
        let Method::BasicAck(ack) = frame.method() else {
            panic!("{frame:?}")
        };
        assert!(
            ack.delivery_tag > confirmed && (ack.multiple || ack.delivery_tag == confirmed + 1)
        );
        confirmed = ack.delivery_tag;
        frames += 1;
    }
    assert!(frames <= 20, "{frames} frames for {MESSAGES} confirms");
}

#[tokio::test]
async fn what_a_full_queue_rejects_is_not_acknowledged() {
    let broker = start().await;
    let connection = connect(&broker).await;
    let (channel, _events) = channel(&connection).await;
    within(channel.confirm_select()).await.unwrap();
    let declare = QueueDeclare {
        arguments: FieldTable::new()
            .with("x-max-length", FieldValue::I32(1))
            .with("x-overflow", "reject-publish"),
        ..QueueDeclare::new("small")
    };
    within(channel.queue_declare(declare)).await.unwrap();
    let mut outcomes = Vec::new();
    for _ in 0..3 {
        let message = Publish::new("", "small", "x");
        let confirmation = within(channel.publish(message)).await.unwrap();
        outcomes.push(within(confirmation).await.unwrap());
    }
    assert_eq!(outcomes, [Confirmed::Ack, Confirmed::Nack, Confirmed::Nack]);
}
