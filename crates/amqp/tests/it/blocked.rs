//! A broker short of resources, which takes no publishes.

use std::time::Duration;

use bergen_amqp::client::{
    ConnectOptions, Connection, ConnectionEvent, ConnectionEvents, Consume, Publish, QueueDeclare,
};
use bergen_testbed::RabbitNode;
use tokio::time::timeout;

/// How long RabbitMQ may take for anything.
const PATIENCE: Duration = Duration::from_secs(20);

async fn connect(node: &RabbitNode) -> (Connection, ConnectionEvents) {
    let options = ConnectOptions {
        port: node.port(),
        ..ConnectOptions::default()
    };
    Connection::open(options).await.unwrap()
}

#[tokio::test]
async fn point_17_a_blocked_connection_does_not_stop_acknowledgements_on_another() {
    // It needs more memory than that to be there at all, so the alarm is on from the start.
    let node = RabbitNode::builder()
        .config("vm_memory_high_watermark.absolute = 1MiB")
        .start()
        .await
        .unwrap();
    let (consuming, _consuming_events) = connect(&node).await;
    let (channel, _events) = consuming.open_channel().await.unwrap();
    channel.queue_declare(QueueDeclare::new("q")).await.unwrap();

    // RabbitMQ blocks a connection at its first publish, behind the header: one without a body
    // still gets through.
    let mut blocked = Vec::new();
    for _ in 0..3 {
        let (publishing, mut events) = connect(&node).await;
        let (publisher, publisher_events) = publishing.open_channel().await.unwrap();
        let publish = Publish::new("", "q", "");
        drop(publisher.publish(publish).await.unwrap());
        let event = timeout(PATIENCE, events.next()).await.unwrap();
        assert!(
            matches!(event, Some(ConnectionEvent::Blocked { .. })),
            "{event:?}"
        );
        // This one waits in the client.
        drop(
            publisher
                .publish(Publish::new("", "q", "held"))
                .await
                .unwrap(),
        );
        blocked.push((publishing, publisher, events, publisher_events));
    }

    let mut consumer = channel.consume_stream(Consume::new("q"), 10).await.unwrap();
    for _ in 0..3 {
        let delivery = timeout(PATIENCE, consumer.next()).await.unwrap().unwrap();
        channel.ack(delivery.delivery_tag, false).unwrap();
    }
    // What is not acknowledged goes back to the queue when its channel closes.
    timeout(PATIENCE, channel.close()).await.unwrap().unwrap();
    let (after, _after_events) = consuming.open_channel().await.unwrap();
    let left = after.queue_declare(QueueDeclare::passive("q")).await;
    assert_eq!(left.unwrap().message_count, 0);
    for (publishing, ..) in &blocked {
        assert!(publishing.is_open() && publishing.blocked().is_some());
        assert_eq!(publishing.stats().publishes, 1, "the other one is held");
    }
}
