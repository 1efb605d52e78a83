//! How connections and channels live and end.

use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};

use super::broker::{Broker, channel, confirming, open_channel, options, pair};
use crate::client::connect::open_over;
use crate::client::{
    ChannelEvent, CloseReason, Confirmed, ConnectOptions, ConnectionEvent, Error, Publish,
    QueueDeclare,
};
use crate::codec::frame;
use crate::codec::methods::{basic, channel as method, queue};
use crate::protocol::{Event, ServerConfig};

const LONG: Duration = Duration::from_mins(1);

#[tokio::test(start_paused = true)]
async fn closing_is_orderly_and_tells_everybody() {
    let (connection, mut events, mut broker) = pair(options()).await;
    let (channel, mut channel_events, _) = open_channel(&connection, &mut broker).await;
    let declared = channel.queue_declare(QueueDeclare::new("q"));

    let closing = connection.close();
    broker.method("queue.declare").await;
    while !matches!(broker.event().await, Event::Closed { .. }) {}
    broker.flush().await;

    assert_eq!(closing.await, Ok(()));
    let ended = Error::ConnectionClosed(CloseReason::Requested);
    assert_eq!(declared.await, Err(ended.clone()));
    assert_eq!(
        channel_events.next().await,
        Some(ChannelEvent::Closed(ended.clone()))
    );
    assert_eq!(
        events.next().await,
        Some(ConnectionEvent::Closed(CloseReason::Requested))
    );
    assert_eq!(events.next().await, None);
    assert!(!connection.is_open() && !channel.is_open());
    assert_eq!(
        connection.open_channel().await.map(drop),
        Err(ended.clone())
    );
    assert_eq!(
        channel.queue_declare(QueueDeclare::new("q")).await,
        Err(ended)
    );
    assert_eq!(
        connection.close().await,
        Ok(()),
        "closing twice is closing once"
    );
}

#[tokio::test(start_paused = true)]
async fn closing_does_not_wait_for_ever() {
    let (connection, _events, broker) = pair(options()).await;
    let begun = Instant::now();

    assert_eq!(connection.close().await, Ok(()));

    assert!(
        begun.elapsed() <= Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    drop(broker);
}

#[tokio::test(start_paused = true)]
async fn a_close_by_the_broker_reaches_everybody_with_its_code() {
    let (connection, mut events, mut broker) = pair(options()).await;
    let (channel, mut channel_events, _) = open_channel(&connection, &mut broker).await;
    let declared = channel.queue_declare(QueueDeclare::new("q"));
    broker.method("queue.declare").await;

    let text = "CONNECTION_FORCED - broker forced connection closure";
    broker.protocol.close(320, text, Instant::now().into_std());
    while !matches!(broker.event().await, Event::Closed { .. }) {}

    let reason = CloseReason::ByServer {
        code: 320,
        text: text.to_owned(),
    };
    let ended = Error::ConnectionClosed(reason.clone());
    assert_eq!(declared.await, Err(ended.clone()));
    assert_eq!(
        channel_events.next().await,
        Some(ChannelEvent::Closed(ended.clone()))
    );
    assert_eq!(events.next().await, Some(ConnectionEvent::Closed(reason)));
    assert_eq!(connection.close().await, Err(ended));
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_closes_the_connection() {
    let (connection, _events, mut broker) = pair(options()).await;
    let (channel, _channel_events, _) = open_channel(&connection, &mut broker).await;

    drop(connection);
    let declared = channel.queue_declare(QueueDeclare::new("q"));
    let answer = queue::DeclareOk {
        queue: "q",
        message_count: 0,
        consumer_count: 0,
    };
    broker.answer("queue.declare", answer).await;
    assert!(
        declared.await.is_ok(),
        "a channel's handle keeps the connection"
    );

    drop(channel);
    assert!(matches!(broker.event().await, Event::ChannelClosed { .. }));
    let ended = broker.event().await;
    let Event::Closed { reason } = ended else {
        panic!("{ended:?}")
    };
    assert!(
        matches!(reason, crate::protocol::CloseReason::Peer { .. }),
        "{reason:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_channel_closes_when_its_publishes_are_settled() {
    let (connection, channel, _events, mut broker, id) = confirming().await;
    let confirmation = channel.publish(Publish::new("", "q", "x")).await.unwrap();
    broker.published().await;

    drop(channel);
    assert!(
        timeout(LONG, broker.event()).await.is_err(),
        "not before the confirm"
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
    assert!(matches!(broker.event().await, Event::ChannelClosed { .. }));
    assert!(connection.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_nobody_waited_for_is_closed() {
    let (connection, _events, mut broker) = pair(options()).await;

    drop(connection.open_channel());

    assert!(matches!(broker.event().await, Event::ChannelOpened { .. }));
    assert!(matches!(broker.event().await, Event::ChannelClosed { .. }));
}

#[tokio::test(start_paused = true)]
async fn channel_numbers_run_out_with_an_error_and_come_back() {
    let (connection, _events, mut broker) = pair(ConnectOptions {
        channel_max: 1,
        ..options()
    })
    .await;
    let (channel, _channel_events, _) = open_channel(&connection, &mut broker).await;

    let refused = connection.open_channel().await.map(drop);
    assert_eq!(refused, Err(Error::NoFreeChannel { limit: 1 }));
    assert!(channel.is_open());

    let closing = channel.close();
    broker.event().await;
    broker.flush().await;
    closing.await.unwrap();
    open_channel(&connection, &mut broker).await;
}

#[tokio::test(start_paused = true)]
async fn heartbeats_keep_an_idle_connection_and_find_a_dead_one() {
    let (near, far) = tokio::io::duplex(4096);
    let heartbeat = Duration::from_secs(10);
    let mut broker = Broker::with(
        far,
        ServerConfig {
            heartbeat,
            ..ServerConfig::default()
        },
    );
    let options = ConnectOptions {
        heartbeat,
        ..ConnectOptions::default()
    };
    let (opened, ()) = tokio::join!(open_over(near, options), broker.accept());
    let (connection, mut events) = opened.unwrap();

    // Most of an hour of nothing but heartbeats, in both directions.
    assert!(
        timeout(Duration::from_mins(50), broker.event())
            .await
            .is_err()
    );
    assert!(connection.is_open());

    // The broker's machine is gone: its end stays, nobody is there.
    let died = Instant::now();
    assert_eq!(
        events.next().await,
        Some(ConnectionEvent::Closed(CloseReason::HeartbeatMissed))
    );
    assert!(died.elapsed() <= 2 * heartbeat, "{:?}", died.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_leaves_nobody_waiting() {
    let (connection, channel, mut channel_events, broker, _) = confirming().await;
    let confirmation = channel.publish(Publish::new("", "q", "x")).await.unwrap();
    let declared = channel.queue_declare(QueueDeclare::new("q"));

    drop(broker);

    let ended = Error::ConnectionClosed(CloseReason::Eof);
    assert_eq!(confirmation.await, Err(ended.clone().into()));
    assert_eq!(declared.await, Err(ended.clone()));
    assert_eq!(
        channel_events.next().await,
        Some(ChannelEvent::Closed(ended))
    );
    assert!(!connection.is_open());
}

#[test]
fn a_runtime_that_shuts_down_leaves_nobody_waiting() {
    let build = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let runtime = build();
    let (connection, channel, mut events, _broker, _) = runtime.block_on(channel());
    let declared = channel.queue_declare(QueueDeclare::new("q"));
    drop(runtime);

    let ended = Error::ConnectionClosed(CloseReason::TaskEnded);
    build().block_on(async {
        assert_eq!(declared.await, Err(ended.clone()));
        assert_eq!(
            events.next().await,
            Some(ChannelEvent::Closed(ended.clone()))
        );
        assert_eq!(connection.close().await, Err(ended));
        sleep(Duration::ZERO).await;
    });
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_the_broker_does_not_open_says_why() {
    let (connection, _events, mut broker) = pair(options()).await;
    let opening = connection.open_channel();
    let mut request = BytesMut::new();
    broker.stream.read_buf(&mut request).await.unwrap();
    let close = method::Close {
        reply_code: 506,
        reply_text: "RESOURCE_ERROR",
        class_id: 20,
        method_id: 10,
    };
    let mut refusal = BytesMut::new();
    frame::encode_method(1, &close.into(), 4096, &mut refusal).unwrap();
    broker.stream.write_all(&refusal).await.unwrap();

    let refused = opening.await.map(drop).unwrap_err();
    assert_eq!(refused.code(), Some(506), "{refused:?}");
    assert!(connection.is_open());
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_closes_a_connection_whose_broker_sends_but_does_not_read() {
    let heartbeat = Duration::from_secs(10);
    let (near, far) = tokio::io::duplex(4096);
    let config = ServerConfig {
        heartbeat,
        ..ServerConfig::default()
    };
    let mut broker = Broker::with(far, config);
    let options = ConnectOptions {
        heartbeat,
        ..options()
    };
    let (opened, ()) = tokio::join!(open_over(near, options), broker.accept());
    let (connection, mut events) = opened.unwrap();
    let (channel, channel_events, _) = open_channel(&connection, &mut broker).await;
    for _ in 0..100 {
        let publish = Publish::new("", "q", vec![7; 8 * 1024]);
        drop(channel.publish(publish).await.unwrap());
    }
    tokio::task::yield_now().await;
    drop((connection, channel, channel_events));

    let beating = async {
        let mut heartbeat = BytesMut::new();
        frame::encode_heartbeat(&mut heartbeat);
        while broker.stream.write_all(&heartbeat).await.is_ok() {
            sleep(Duration::from_secs(1)).await;
        }
    };
    let ended = tokio::select! {
        biased;
        ended = timeout(Duration::from_mins(5), events.next()) => ended.unwrap(),
        () = beating => None,
    };
    assert_eq!(ended, Some(ConnectionEvent::Closed(CloseReason::Requested)));
}
