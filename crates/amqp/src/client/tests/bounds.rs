//! What stays bounded, and what goes on, when the other end is slow or greedy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use super::broker::{Broker, channel, open_channel, options, pair};
use crate::client::connect::log_in;
use crate::client::task::Task;
use crate::client::{
    ChannelEvent, CloseReason, Confirmed, ConnectOptions, Connection, ConnectionEvent, Consume,
    Delivery, DeliverySink, Disposition, Error, Publish, QueueDeclare,
};
use crate::codec::BasicProperties;
use crate::codec::methods::{basic, confirm};
use crate::protocol::{Event, ServerConfig};

const BIG: usize = 50 * 1000 * 1000;

/// A client whose task the test polls itself, over a pipe of 64 KiB, with frames of 1 MiB and
/// heartbeats of 2 s.
async fn polled() -> (Task<DuplexStream>, Connection, Broker) {
    let (near, far) = duplex(64 * 1024);
    let heartbeat = Duration::from_secs(2);
    let frame_max = 1 << 20;
    let mut broker = Broker::with(
        far,
        ServerConfig {
            heartbeat,
            frame_max,
            ..ServerConfig::default()
        },
    );
    let options = ConnectOptions {
        heartbeat,
        frame_max,
        ..ConnectOptions::default()
    };
    let (opened, ()) = tokio::join!(log_in(near, &options), broker.accept());
    let (task, connection, _) = opened.unwrap();
    (task, connection, broker)
}

/// A body that tells when the last reference to it is gone.
struct Tracked(Vec<u8>, Arc<AtomicBool>);

impl AsRef<[u8]> for Tracked {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.1.store(true, Ordering::SeqCst);
    }
}

/// Counts the bodies' bytes and keeps nothing.
struct Count(Arc<AtomicUsize>);

impl DeliverySink for Count {
    fn deliver(&mut self, delivery: Delivery) -> Disposition {
        self.0.fetch_add(delivery.body.len(), Ordering::SeqCst);
        Disposition::Ack
    }
}

#[tokio::test(start_paused = true)]
async fn publishing_a_big_body_slowly_pins_nothing_and_keeps_the_connection() {
    let (mut task, connection, mut broker) = polled().await;
    let released = Arc::new(AtomicBool::new(false));
    let body = Bytes::from_owner(Tracked(vec![7; BIG], Arc::clone(&released)));

    let script = async {
        let (channel, _events, id) = open_channel(&connection, &mut broker).await;
        let (aside, _aside_events, _) = open_channel(&connection, &mut broker).await;
        let selected = channel.confirm_select();
        broker.answer("confirm.select", confirm::SelectOk {}).await;
        selected.await.unwrap();
        let confirmation = channel.publish(Publish::new("", "q", body)).await.unwrap();
        sleep(Duration::from_millis(100)).await;
        drop(
            aside
                .publish(Publish::new("", "aside", "small"))
                .await
                .unwrap(),
        );

        // 64 KiB each 20 ms: 15 seconds, far longer than the heartbeat lets anybody be silent.
        let begun = Instant::now();
        let mut arrived = Vec::new();
        while arrived.len() < 2 {
            sleep(Duration::from_millis(20)).await;
            let mut input = bytes::BytesMut::with_capacity(64 * 1024);
            broker.stream.read_buf(&mut input).await.unwrap();
            broker.feed(input);
            broker.protocol.handle_timeout(Instant::now().into_std());
            broker.flush().await;
            while let Some(event) = broker.protocol.poll_event() {
                let Event::Published { message, .. } = event else {
                    panic!("{event:?}")
                };
                arrived.push(message.body.len());
            }
        }
        assert!(
            begun.elapsed() > Duration::from_secs(8),
            "{:?}",
            begun.elapsed()
        );
        assert_eq!(
            arrived,
            [5, BIG],
            "what is small passes what is big on another channel"
        );

        broker
            .send(
                id,
                basic::Ack {
                    delivery_tag: 1,
                    multiple: false,
                },
            )
            .await;
        assert_eq!(confirmation.await, Ok(Confirmed::Ack));
    };
    tokio::select! {
        () = &mut task => panic!("the connection should live"),
        () = script => {}
    }

    assert!(
        released.load(Ordering::SeqCst),
        "somebody still holds the body"
    );
    assert!(task.buffered() <= 128 * 1024, "{}", task.buffered());
}

#[tokio::test(start_paused = true)]
async fn receiving_a_big_body_slowly_pins_nothing_and_heartbeats_go_out() {
    let (mut task, connection, mut broker) = polled().await;
    let received = Arc::new(AtomicUsize::new(0));

    let script = async {
        let (channel, _events, id) = open_channel(&connection, &mut broker).await;
        let consuming = channel.consume(Consume::new("q"), Box::new(Count(Arc::clone(&received))));
        broker
            .answer(
                "basic.consume",
                basic::ConsumeOk {
                    consumer_tag: "consumer-0",
                },
            )
            .await;
        consuming.await.unwrap();
        let deliver = basic::Deliver {
            consumer_tag: "consumer-0",
            delivery_tag: 1,
            redelivered: false,
            exchange: "",
            routing_key: "q",
        };
        let body = Bytes::from(vec![7; BIG]);
        broker
            .protocol
            .send_content(id, &deliver.into(), &BasicProperties::default(), body)
            .unwrap();

        loop {
            let output = broker.protocol.output(Instant::now().into_std());
            if !output.has_remaining() {
                break;
            }
            let length = output.chunk().len().min(64 * 1024);
            let piece = output.copy_to_bytes(length);
            broker.stream.write_all(&piece).await.unwrap();
            // 64 KiB each 20 ms is 15 seconds.
            sleep(Duration::from_millis(20)).await;
            let mut input = bytes::BytesMut::with_capacity(1024);
            let _ = timeout(Duration::ZERO, broker.stream.read_buf(&mut input)).await;
            broker.feed(input);
            broker.protocol.handle_timeout(Instant::now().into_std());
            assert!(
                !broker.protocol.is_closed(),
                "{:?}",
                broker.protocol.poll_event()
            );
        }
        broker.method("basic.ack").await;
    };
    tokio::select! {
        () = &mut task => panic!("the connection should live"),
        () = script => {}
    }

    assert_eq!(received.load(Ordering::SeqCst), BIG);
    assert!(task.buffered() <= 128 * 1024, "{}", task.buffered());
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_does_not_read_is_still_read_and_commands_wait() {
    let options = ConnectOptions {
        write_buffer_limit: 64 * 1024,
        publish_window: 64 << 20,
        ..options()
    };
    let (connection, _, mut broker) = pair(options).await;
    let (channel, _events, id) = open_channel(&connection, &mut broker).await;
    let received = Arc::new(AtomicUsize::new(0));
    let consuming = channel.consume(Consume::new("q"), Box::new(Count(Arc::clone(&received))));
    broker
        .answer(
            "basic.consume",
            basic::ConsumeOk {
                consumer_tag: "consumer-0",
            },
        )
        .await;
    consuming.await.unwrap();

    for _ in 0..1000 {
        drop(
            channel
                .publish(Publish::new("", "q", vec![7; 10_000]))
                .await
                .unwrap(),
        );
        tokio::task::yield_now().await;
    }
    sleep(Duration::from_secs(1)).await;
    for tag in 1..=2000 {
        broker.deliver(id, "consumer-0", tag);
    }
    broker.flush().await;
    sleep(Duration::from_secs(1)).await;

    let stats = connection.stats();
    assert_eq!(stats.deliveries, 2000, "reading never stops");
    assert!(
        stats.publishes < 400,
        "{} publishes were taken",
        stats.publishes
    );

    let mut published = 0;
    while published < 1000 {
        match broker.event().await {
            Event::Published { .. } => published += 1,
            Event::Method { method, .. } => {
                assert_eq!(method.decode().unwrap().name(), "basic.ack");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn closing_ends_a_connection_whose_broker_does_not_read() {
    let (connection, mut events, mut broker) = pair(options()).await;
    let (channel, _channel_events, _) = open_channel(&connection, &mut broker).await;
    for _ in 0..500 {
        drop(
            channel
                .publish(Publish::new("", "q", vec![7; 10_000]))
                .await
                .unwrap(),
        );
    }
    sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();

    assert_eq!(connection.close().await, Ok(()));

    assert!(
        begun.elapsed() <= Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    let closed = ConnectionEvent::Closed(CloseReason::Requested);
    assert_eq!(events.next().await, Some(closed));
    while !matches!(broker.event().await, Event::Closed { .. }) {}
}

#[tokio::test(start_paused = true)]
async fn requests_beyond_any_measure_are_refused() {
    let (_connection, channel, _events, _broker, _) = channel().await;
    // No await: the task does not get to run.
    for _ in 0..65_536 {
        drop(channel.queue_declare(QueueDeclare::new("q")));
    }

    assert_eq!(channel.ack(1, false), Err(Error::Overloaded));
    assert_eq!(
        channel.queue_declare(QueueDeclare::new("q")).await,
        Err(Error::Overloaded)
    );
}

#[tokio::test(start_paused = true)]
async fn events_that_nobody_reads_do_not_pile_up_and_the_end_is_not_lost() {
    let (_connection, _channel, mut events, mut broker, id) = channel().await;
    let returned = basic::Return {
        reply_code: 312,
        reply_text: "NO_ROUTE",
        exchange: "",
        routing_key: "k",
    };
    for _ in 0..1000 {
        let properties = BasicProperties::default();
        let method = returned.clone().into();
        broker
            .protocol
            .send_content(id, &method, &properties, Bytes::new())
            .unwrap();
    }
    broker
        .protocol
        .close_channel(id, 541, "INTERNAL_ERROR")
        .unwrap();
    broker.flush().await;
    sleep(Duration::from_secs(1)).await;

    let mut returns = 0;
    let last = loop {
        match events.next().await.unwrap() {
            ChannelEvent::Returned { .. } => returns += 1,
            other => break other,
        }
    };
    assert_eq!(returns, 256);
    assert!(matches!(last, ChannelEvent::Closed(_)), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn what_many_tasks_send_at_once_leaves_in_few_writes() {
    let (connection, _, mut broker) = pair(options()).await;
    let (channel, _events, _) = open_channel(&connection, &mut broker).await;
    let before = connection.stats();

    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let channel = channel.clone();
            tokio::spawn(async move {
                drop(channel.publish(Publish::new("", "q", "x")).await.unwrap());
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    for _ in 0..100 {
        broker.published().await;
    }

    let stats = connection.stats();
    assert_eq!(stats.publishes - before.publishes, 100);
    assert!(
        stats.writes - before.writes <= 4,
        "{} writes",
        stats.writes - before.writes
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_leaves_with_the_acknowledgement_of_what_it_answers() {
    struct Wake(mpsc::UnboundedSender<()>);
    impl DeliverySink for Wake {
        fn deliver(&mut self, _: Delivery) -> Disposition {
            let _ = self.0.send(());
            Disposition::Ack
        }
    }
    let (connection, channel, _events, mut broker, id) = channel().await;
    let (sender, mut woken) = mpsc::unbounded_channel();
    let consuming = channel.consume(Consume::new("q"), Box::new(Wake(sender)));
    let ok = basic::ConsumeOk {
        consumer_tag: "consumer-0",
    };
    broker.answer("basic.consume", ok).await;
    consuming.await.unwrap();
    tokio::spawn(async move {
        while woken.recv().await.is_some() {
            let answer = Publish::new("", "answers", "x");
            drop(channel.publish(answer).await.unwrap());
        }
    });
    let before = connection.stats();

    for tag in 1..=10 {
        broker.deliver(id, "consumer-0", tag);
        broker.flush().await;
        for _ in 0..2 {
            broker.event().await;
        }
    }

    let stats = connection.stats();
    assert_eq!(stats.writes - before.writes, 10, "{stats:?}");
}
