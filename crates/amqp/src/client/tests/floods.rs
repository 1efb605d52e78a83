//! A broker that does not read, or sends without end: what that may cost.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncWriteExt, duplex};
use tokio::time::{sleep, timeout};

use super::broker::{Broker, open_channel, options};
use crate::client::connect::log_in;
use crate::client::{Confirmed, ConnectOptions, Consume, ConsumerEnd, Publish};
use crate::codec::methods::{basic, confirm};
use crate::codec::{BasicProperties, frame};
use crate::protocol::Event;

/// The default, which both ends propose.
const FRAME_MAX: usize = 131_072;

#[tokio::test(start_paused = true)]
async fn publishes_to_a_broker_that_does_not_read_wait_with_their_owners() {
    const WINDOW: usize = 1 << 20;
    const BODY: usize = 10_000;
    let (near, far) = duplex(64 * 1024);
    let mut broker = Broker::new(far);
    let options = ConnectOptions {
        publish_window: WINDOW,
        write_buffer_limit: 64 * 1024,
        ..options()
    };
    let (opened, ()) = tokio::join!(log_in(near, &options), broker.accept());
    let (mut task, connection, _events) = opened.unwrap();

    let script = async {
        let (channel, _events, _) = open_channel(&connection, &mut broker).await;
        let selected = channel.confirm_select();
        broker.answer("confirm.select", confirm::SelectOk {}).await;
        selected.await.unwrap();
        let mut admitted = 0;
        let patience = Duration::from_millis(1);
        for _ in 0..2000 {
            let publish = channel.publish(Publish::new("", "q", vec![7; BODY]));
            admitted += usize::from(timeout(patience, publish).await.is_ok());
        }
        assert!(admitted > 50 && admitted <= WINDOW / BODY, "{admitted}");
        sleep(Duration::from_secs(1)).await;
        // What was given up does not come, what was admitted does.
        for tag in 1..=admitted {
            let (published, _) = broker.published().await;
            assert_eq!(published, u64::try_from(tag).ok());
        }
        let next = channel.publish(Publish::new("", "q", vec![7; BODY]));
        assert!(timeout(patience, next).await.is_err(), "all is unconfirmed");
        connection.close().await.unwrap();
    };
    tokio::pin!(script);
    let mut most = 0;
    loop {
        tokio::select! {
            biased;
            () = &mut task => break,
            () = &mut script => break,
            () = sleep(Duration::from_millis(10)) => {}
        }
        most = most.max(task.buffered());
    }
    // The window, and what the frames add to it.
    assert!(most <= WINDOW + 128 * 1024, "{most} bytes are kept");
}

#[tokio::test(start_paused = true)]
async fn deliveries_beyond_the_prefetch_end_their_stream_and_go_back() {
    let (connection, _, mut broker) = super::broker::pair(options()).await;
    let (channel, _events, id) = open_channel(&connection, &mut broker).await;
    let subscribing = channel.consume_stream(Consume::new("q"), 10);
    broker.answer("basic.qos", basic::QosOk {}).await;
    let consumer_tag = "consumer-0";
    broker
        .answer("basic.consume", basic::ConsumeOk { consumer_tag })
        .await;
    let mut consumer = subscribing.await.unwrap();

    for tag in 1..=20_000 {
        broker.deliver(id, consumer_tag, tag);
        if tag % 100 == 0 {
            let rejected = if tag == 100 { 90 } else { 100 };
            for _ in 0..rejected {
                broker.method("basic.reject").await;
            }
        }
    }

    for tag in 1..=10 {
        assert_eq!(consumer.next().await.unwrap().delivery_tag, tag);
    }
    assert_eq!(consumer.next().await, Err(ConsumerEnd::Overflow));
    assert!(channel.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_body_without_end_is_counted_and_not_kept() {
    let (near, far) = duplex(64 * 1024);
    let mut broker = Broker::new(far);
    let options = options();
    let (opened, ()) = tokio::join!(log_in(near, &options), broker.accept());
    let (mut task, connection, _events) = opened.unwrap();

    let script = async {
        let (channel, _events, id) = open_channel(&connection, &mut broker).await;
        let deliver = basic::Deliver {
            consumer_tag: "nobody",
            delivery_tag: 1,
            ..Default::default()
        };
        let properties = BasicProperties::default();
        let mut bytes = BytesMut::new();
        frame::encode_method(id.number(), &deliver.into(), FRAME_MAX, &mut bytes).unwrap();
        frame::encode_header(id.number(), 1 << 50, &properties, FRAME_MAX, &mut bytes).unwrap();
        broker.stream.write_all(&bytes).await.unwrap();
        bytes.clear();
        let piece = Bytes::from(vec![7; 100_000]);
        frame::encode_body(id.number(), &piece, FRAME_MAX, &mut bytes).unwrap();
        for _ in 0..3000 {
            broker.stream.write_all(&bytes).await.unwrap();
        }
        assert!(channel.is_open() && connection.is_open());
        // Others are served all the while.
        let (aside, _events, _) = open_channel(&connection, &mut broker).await;
        let confirmation = aside.publish(Publish::new("", "q", "x")).await.unwrap();
        let Event::Published { .. } = broker.event().await else {
            panic!("it should have come")
        };
        assert_eq!(confirmation.await, Ok(Confirmed::NotRequested));
    };
    tokio::select! {
        () = &mut task => panic!("the connection should live"),
        () = script => {}
    }
    assert!(task.buffered() <= 512 * 1024, "{}", task.buffered());
}
