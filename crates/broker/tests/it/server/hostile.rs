//! Clients that mean no good, or are broken; and those beside them, who notice nothing.

use std::time::Duration;

use bergen_amqp::client::{Channel, Connection, Consumer};
use bergen_amqp::codec::methods::{basic, channel as channels, queue};
use bergen_amqp::codec::{BasicProperties, FrameKind, frame};
use bergen_broker::{Broker, Limits};
use bytes::BytesMut;

use super::raw::{Raw, encoded, frame_of, published};
use super::{address, channel, connect, consume, next, publish, queue, start, text, within};

/// Somebody who works while others misbehave.
struct Neighbour {
    _connection: Connection,
    channel: Channel,
    queue: String,
    consumer: Consumer,
}

impl Neighbour {
    async fn of(broker: &Broker) -> Self {
        let connection = connect(broker).await;
        let (channel, _events) = channel(&connection).await;
        let queue = queue(&channel).await;
        let consumer = consume(&channel, &queue).await;
        Self {
            _connection: connection,
            channel,
            queue,
            consumer,
        }
    }

    async fn works(&mut self) {
        publish(&self.channel, &self.queue, "fine").await;
        let delivery = next(&mut self.consumer).await;
        assert_eq!(text(&delivery), "fine");
        self.channel.ack(delivery.delivery_tag, false).unwrap();
    }
}

fn header(channel: u16, size: u64) -> BytesMut {
    let mut bytes = BytesMut::new();
    frame::encode_header(
        channel,
        size,
        &BasicProperties::default(),
        131_072,
        &mut bytes,
    )
    .unwrap();
    bytes
}

#[tokio::test]
async fn malformed_frames_end_one_connection_with_the_right_code() {
    const METHOD: u8 = FrameKind::Method as u8;
    const BODY: u8 = FrameKind::Body as u8;
    let broker = start().await;
    let mut neighbour = Neighbour::of(&broker).await;
    let publish_header = [&encoded(1, basic::Publish::default())[..], &header(1, 1)].concat();
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("unknown frame type", frame_of(9, 1, b""), 501),
        (
            "frame too large",
            [&[METHOD, 0, 1][..], &u32::MAX.to_be_bytes()].concat(),
            501,
        ),
        ("no frame end", vec![METHOD, 0, 1, 0, 0, 0, 1, 0, 0], 501),
        ("heartbeat on a channel", frame_of(8, 1, b""), 505),
        ("half a method", frame_of(METHOD, 1, &[0, 60, 0]), 501),
        ("unknown class", frame_of(METHOD, 1, &[0, 99, 0, 10]), 503),
        ("unknown method", frame_of(METHOD, 1, &[0, 60, 0, 99]), 503),
        (
            "bytes behind a method",
            frame_of(METHOD, 1, &[0, 20, 0, 10, 0, 0]),
            501,
        ),
        ("body without a publish", frame_of(BODY, 1, b"x"), 505),
        ("header without a publish", header(1, 0).to_vec(), 505),
        (
            "method inside a message",
            [&publish_header[..], &encoded(1, basic::Qos::default())].concat(),
            505,
        ),
        (
            "body too long",
            [&publish_header[..], &frame_of(BODY, 1, b"xx")].concat(),
            501,
        ),
        (
            "channel not open",
            encoded(7, basic::Qos::default()).to_vec(),
            504,
        ),
        (
            "channel open already",
            encoded(1, channels::Open {}).to_vec(),
            504,
        ),
        (
            "channel beyond the limit",
            encoded(3000, channels::Open {}).to_vec(),
            530,
        ),
        (
            "name that is no text",
            frame_of(METHOD, 1, &[0, 50, 0, 30, 0, 0, 1, 0xff, 0]),
            501,
        ),
    ];
    for (name, bytes, code) in cases {
        let mut raw = Raw::open(&broker).await;
        raw.open_channel(1).await;
        raw.write(&bytes).await;
        println!("{name}");
        raw.closed(code).await;
        neighbour.works().await;
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_closes_its_channel() {
    let mut limits = Limits::default();
    limits.max_body_size = 1000;
    let broker = Broker::builder().limits(limits).start().await.unwrap();
    let mut raw = Raw::open(&broker).await;
    raw.open_channel(1).await;
    raw.open_channel(2).await;
    raw.publish(1, "q", &[0; 1001]).await;
    raw.channel_closed(1, 311).await;
    raw.send(2, basic::Qos::default()).await;
    assert!(raw.next().await.is("basic.qos-ok"));
}

#[tokio::test]
async fn strangers_have_little_time_and_little_room() {
    let mut limits = Limits::default();
    limits.handshake_timeout = Duration::from_millis(300);
    limits.connections_before_login = 2;
    let broker = Broker::builder().limits(limits).start().await.unwrap();
    let mut neighbour = Neighbour::of(&broker).await;
    // Nobody waits for who says nothing …
    let mut silent = Raw::connect(address(&broker)).await;
    assert_eq!(silent.try_next().await, None);
    // … who stands longest goes first when more come than there is room for …
    let mut first = Raw::connect(address(&broker)).await;
    let _second = Raw::connect(address(&broker)).await;
    let _third = Raw::connect(address(&broker)).await;
    assert_eq!(first.try_next().await, None);
    // … large frames are for those who have logged in …
    let mut large = Raw::connect(address(&broker)).await;
    large.write(&frame::PROTOCOL_HEADER).await;
    assert!(large.next().await.is("connection.start"));
    large.write(&[1, 0, 0, 0, 1, 0, 0]).await;
    large.closed(501).await;
    // … and other protocols hear what is spoken here.
    let mut other = Raw::connect(address(&broker)).await;
    other.write(b"GET / HTTP/1.1\r\n\r\n").await;
    let mut answer = Vec::new();
    within(tokio::io::AsyncReadExt::read_to_end(
        &mut other.stream,
        &mut answer,
    ))
    .await
    .ok();
    assert_eq!(answer, frame::PROTOCOL_HEADER);
    neighbour.works().await;
}

#[tokio::test]
async fn more_connections_than_may_be_are_hung_up_on() {
    let mut limits = Limits::default();
    limits.connections = 2;
    let broker = Broker::builder().limits(limits).start().await.unwrap();
    let mut neighbour = Neighbour::of(&broker).await;
    let second = connect(&broker).await;
    let mut third = Raw::connect(address(&broker)).await;
    third.write(&frame::PROTOCOL_HEADER).await;
    assert_eq!(third.try_next().await, None);
    neighbour.works().await;
    within(second.close()).await.unwrap();
    // There is room again, a moment later.
    within(async {
        loop {
            let mut next = Raw::connect(address(&broker)).await;
            next.write(&frame::PROTOCOL_HEADER).await;
            if next.try_next().await.is_some() {
                return;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_dead_is_found_by_its_heartbeats() {
    let broker = start().await;
    let mut neighbour = Neighbour::of(&broker).await;
    let mut dead = Raw::open_with(&broker, &[], "/", 1).await;
    dead.open_channel(1).await;
    let declare = queue::Declare {
        queue: "mine",
        exclusive: true,
        ..queue::Declare::default()
    };
    dead.send(1, declare).await;
    assert!(dead.next().await.is("queue.declare-ok"));
    // It says nothing any more, and does not close its socket either. Heartbeats come, then the end.
    assert_eq!(dead.try_next().await, None);
    let queues = broker
        .control()
        .ask(|state| state.host("/").unwrap().queue("mine").is_some());
    assert_eq!(queues.await, Ok(false));
    neighbour.works().await;
}

#[tokio::test]
async fn a_socket_that_is_cut_off_leaves_nothing_behind() {
    let broker = start().await;
    let mut raw = Raw::open(&broker).await;
    raw.open_channel(1).await;
    raw.send(
        1,
        queue::Declare {
            queue: "work",
            ..queue::Declare::default()
        },
    )
    .await;
    assert!(raw.next().await.is("queue.declare-ok"));
    raw.publish(1, "work", b"x").await;
    raw.send(
        1,
        basic::Consume {
            queue: "work",
            ..basic::Consume::default()
        },
    )
    .await;
    assert!(raw.next().await.is("basic.consume-ok"));
    assert!(raw.next().await.is("basic.deliver"));
    let half = published(1, "", "work", &BasicProperties::default(), &[7; 5000]);
    raw.write(&half[..half.len() / 2]).await;
    drop(raw);
    let connection = connect(&broker).await;
    let (channel, _events) = channel(&connection).await;
    let mut consumer = consume(&channel, "work").await;
    let delivery = next(&mut consumer).await;
    assert_eq!((text(&delivery), delivery.redelivered), ("x", true));
    within(async {
        while broker
            .control()
            .ask(|state| state.connections().len())
            .await
            != Ok(1)
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_flood_of_declares_is_bounded_and_disturbs_nobody() {
    let mut host = bergen_broker::core::HostSettings::default();
    host.max_queues = 1000;
    let broker = Broker::builder().virtual_host(host).start().await.unwrap();
    let mut neighbour = Neighbour::of(&broker).await;
    let mut raw = Raw::open(&broker).await;
    raw.open_channel(1).await;
    let mut flood = BytesMut::new();
    for number in 0..2000 {
        let name = format!("flood-{number}");
        let declare = queue::Declare {
            queue: &name,
            no_wait: true,
            ..queue::Declare::default()
        };
        flood.extend_from_slice(&encoded(1, declare));
    }
    raw.write(&flood).await;
    let closed = raw.next().await;
    assert!(
        closed.is("channel.close") || closed.is("connection.close"),
        "{closed:?}"
    );
    neighbour.works().await;
    let queues = broker
        .control()
        .ask(|state| state.host("/").unwrap().queue_count())
        .await;
    assert_eq!(queues, Ok(1000));
}
