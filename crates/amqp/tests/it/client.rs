//! The client against RabbitMQ.

use std::time::Duration;

use bergen_amqp::client::{
    ChannelCloseReason, ChannelEvent, CloseReason, Confirmed, ConnectError, ConnectOptions,
    Connection, ConnectionEvent, Consume, ConsumerEnd, Delivery, DeliverySink, Disposition, Error,
    ExchangeBind, ExchangeDeclare, ExchangeDelete, ExchangeKind, Login, Publish, PublishError,
    QueueBind, QueueDeclare, QueueDelete,
};
use bergen_amqp::codec::BasicProperties;
use bergen_testbed::{TestVhost, shared_rabbit};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

/// How long RabbitMQ may take for anything.
const PATIENCE: Duration = Duration::from_secs(20);

async fn options(vhost: &str) -> ConnectOptions {
    let rabbit = shared_rabbit().await.unwrap();
    ConnectOptions {
        host: rabbit.host().to_owned(),
        port: rabbit.port(),
        virtual_host: vhost.to_owned(),
        login: Login::plain(rabbit.user(), rabbit.password()),
        connection_name: Some("bergen-amqp tests".to_owned()),
        ..ConnectOptions::default()
    }
}

async fn connect(vhost: &TestVhost) -> Connection {
    Connection::open(options(vhost.name()).await)
        .await
        .unwrap()
        .0
}

/// Hands deliveries to the test and acknowledges each.
struct Forward(mpsc::UnboundedSender<Delivery>);

impl DeliverySink for Forward {
    fn deliver(&mut self, delivery: Delivery) -> Disposition {
        let _ = self.0.send(delivery);
        Disposition::Ack
    }
}

#[tokio::test]
async fn a_message_goes_through_exchanges_and_a_queue_with_its_properties() {
    let vhost = TestVhost::new("through").await.unwrap();
    let connection = connect(&vhost).await;
    let (channel, _events) = connection.open_channel().await.unwrap();
    channel.confirm_select().await.unwrap();

    // None of these waits for the one before it.
    let declares = [
        channel.exchange_declare(ExchangeDeclare::new("in", ExchangeKind::Fanout)),
        channel.exchange_declare(ExchangeDeclare::new("out", ExchangeKind::Topic)),
    ];
    let bound = channel.exchange_bind(ExchangeBind::new("out", "in", ""));
    let declared = channel.queue_declare(QueueDeclare::new("q"));
    let queue_bound = channel.queue_bind(QueueBind::new("q", "out", "news.#"));
    let properties = BasicProperties {
        content_type: Some("application/json".into()),
        expiration: Some("60000".into()),
        delivery_mode: Some(2),
        ..BasicProperties::default()
    };
    let publish = Publish::new("in", "news.today", "{}").with_properties(properties.clone());
    let confirmation = channel.publish(publish).await.unwrap();

    for declare in declares {
        declare.await.unwrap();
    }
    bound.await.unwrap();
    assert_eq!(declared.await.unwrap().name, "q");
    queue_bound.await.unwrap();
    assert_eq!(confirmation.await, Ok(Confirmed::Ack));
    let delivery = channel.get("q", false).await.unwrap().unwrap();
    assert_eq!(&delivery.body[..], b"{}");
    assert_eq!(&*delivery.routing_key, "news.today");
    assert_eq!(delivery.properties, properties);
    channel.ack(delivery.delivery_tag, false).unwrap();
    assert_eq!(channel.get("q", false).await.unwrap(), None);

    channel
        .queue_unbind(QueueBind::new("q", "out", "news.#"))
        .await
        .unwrap();
    channel
        .exchange_unbind(ExchangeBind::new("out", "in", ""))
        .await
        .unwrap();
    channel
        .exchange_delete(ExchangeDelete::new("in"))
        .await
        .unwrap();
    assert_eq!(channel.queue_purge("q").await.unwrap(), 0);
    assert_eq!(
        channel.queue_delete(QueueDelete::new("q")).await.unwrap(),
        0
    );
    connection.close().await.unwrap();
}

#[tokio::test]
async fn thousands_of_pipelined_publishes_are_confirmed_and_delivered_in_order() {
    const COUNT: usize = 5000;
    let vhost = TestVhost::new("pipelined").await.unwrap();
    let (publishing, consuming) = (connect(&vhost).await, connect(&vhost).await);
    let (channel, _events) = publishing.open_channel().await.unwrap();
    let (consumer_channel, _consumer_events) = consuming.open_channel().await.unwrap();
    channel.confirm_select().await.unwrap();
    channel.queue_declare(QueueDeclare::new("q")).await.unwrap();
    consumer_channel.qos(200).await.unwrap();
    let (sender, mut deliveries) = mpsc::unbounded_channel();
    consumer_channel
        .consume(Consume::new("q"), Box::new(Forward(sender)))
        .await
        .unwrap();

    let publish = async {
        let mut confirmations = Vec::new();
        for number in 0..COUNT {
            let publish = Publish::new("", "q", number.to_string()).mandatory();
            confirmations.push(channel.publish(publish).await.unwrap());
        }
        for confirmation in confirmations {
            assert_eq!(confirmation.await, Ok(Confirmed::Ack));
        }
    };
    let consume = async {
        for number in 0..COUNT {
            let delivery = deliveries.recv().await.unwrap();
            assert_eq!(&delivery.body[..], number.to_string().as_bytes());
        }
    };
    timeout(PATIENCE, async { tokio::join!(publish, consume) })
        .await
        .unwrap();

    let stats = publishing.stats();
    assert_eq!(
        (stats.publishes, stats.confirms),
        (COUNT as u64, COUNT as u64)
    );
    assert!(stats.writes < COUNT as u64 / 2, "{stats:?}");
    // Everything was acknowledged: closing gives nothing back.
    consumer_channel.close().await.unwrap();
    assert_eq!(
        channel.queue_delete(QueueDelete::new("q")).await.unwrap(),
        0
    );
}

#[tokio::test]
async fn returns_find_their_own_publishes_among_many() {
    let vhost = TestVhost::new("returns").await.unwrap();
    let connection = connect(&vhost).await;
    let (channel, _events) = connection.open_channel().await.unwrap();
    channel.confirm_select().await.unwrap();
    channel
        .queue_declare(QueueDeclare::new("there"))
        .await
        .unwrap();

    let mut confirmations = Vec::new();
    for number in 0..300 {
        let key = if number % 3 == 0 { "nowhere" } else { "there" };
        let publish = Publish::new("", key, "x").mandatory();
        confirmations.push(channel.publish(publish).await.unwrap());
    }

    for (number, confirmation) in confirmations.into_iter().enumerate() {
        match confirmation.await.unwrap() {
            Confirmed::Returned(why) if number % 3 == 0 => assert_eq!(why.reply_code, 312),
            Confirmed::Ack if number % 3 != 0 => {}
            other => panic!("publish {number}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_deleted_queue_ends_its_consumer_with_an_event_and_the_channel_lives() {
    let vhost = TestVhost::new("cancel").await.unwrap();
    let connection = connect(&vhost).await;
    let (channel, mut events) = connection.open_channel().await.unwrap();
    channel.queue_declare(QueueDeclare::new("q")).await.unwrap();
    drop(
        channel
            .publish(Publish::new("", "q", "before"))
            .await
            .unwrap(),
    );
    let mut consumer = channel.consume_stream(Consume::new("q"), 10).await.unwrap();
    let delivery = consumer.next().await.unwrap();

    vhost
        .management()
        .delete_queue(vhost.name(), "q")
        .await
        .unwrap();

    let event = timeout(PATIENCE, events.next()).await.unwrap();
    let consumer_tag = consumer.consumer_tag().to_owned();
    assert_eq!(
        event,
        Some(ChannelEvent::ConsumerCancelled { consumer_tag })
    );
    assert_eq!(consumer.next().await, Err(ConsumerEnd::Cancelled));
    channel.ack(delivery.delivery_tag, false).unwrap();
    channel
        .queue_declare(QueueDeclare::new("another"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_stream_that_is_dropped_gives_its_messages_back() {
    let vhost = TestVhost::new("dropped").await.unwrap();
    let connection = connect(&vhost).await;
    let (channel, _events) = connection.open_channel().await.unwrap();
    channel.confirm_select().await.unwrap();
    channel.queue_declare(QueueDeclare::new("q")).await.unwrap();
    for _ in 0..20 {
        channel
            .publish(Publish::new("", "q", "x"))
            .await
            .unwrap()
            .await
            .unwrap();
    }
    let mut consumer = channel.consume_stream(Consume::new("q"), 10).await.unwrap();
    let delivery = consumer.next().await.unwrap();
    channel.ack(delivery.delivery_tag, false).unwrap();

    drop(consumer);

    timeout(PATIENCE, async {
        loop {
            let queue = channel
                .queue_declare(QueueDeclare::passive("q"))
                .await
                .unwrap();
            if (queue.message_count, queue.consumer_count) == (19, 0) {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn an_error_closes_one_channel_and_names_itself() {
    let vhost = TestVhost::new("errors").await.unwrap();
    let connection = connect(&vhost).await;
    let (channel, mut events) = connection.open_channel().await.unwrap();
    let (other, _other_events) = connection.open_channel().await.unwrap();
    channel.confirm_select().await.unwrap();

    let lost = channel
        .publish(Publish::new("missing", "", "x"))
        .await
        .unwrap();

    let error = lost.await.unwrap_err();
    assert!(
        matches!(&error, PublishError::ChannelClosed(ChannelCloseReason::ByServer {
            code: 404, method: (60, 40), text }) if text.contains("missing")),
        "{error:?}"
    );
    let event = events.next().await;
    assert!(matches!(&event, Some(ChannelEvent::Closed(error)) if error.code() == Some(404)));
    assert!(matches!(
        channel.ack(1, false),
        Err(Error::ChannelClosed(_))
    ));
    let missing = other.queue_declare(QueueDeclare::passive("missing")).await;
    assert_eq!(missing.unwrap_err().code(), Some(404));
    assert!(connection.is_open());
}

#[tokio::test]
async fn a_connection_that_an_operator_closes_says_who_did_it() {
    let vhost = TestVhost::new("forced").await.unwrap();
    let (connection, mut events) = Connection::open(options(vhost.name()).await).await.unwrap();
    let (channel, _channel_events) = connection.open_channel().await.unwrap();
    channel.queue_declare(QueueDeclare::new("q")).await.unwrap();
    let mut consumer = channel.consume_stream(Consume::new("q"), 1).await.unwrap();

    timeout(PATIENCE, async {
        // The list of connections lags behind.
        while vhost
            .management()
            .close_connections(vhost.name())
            .await
            .unwrap()
            == 0
        {
            sleep(Duration::from_millis(100)).await;
        }
    })
    .await
    .unwrap();

    let event = timeout(PATIENCE, events.next()).await.unwrap();
    let is_forced = matches!(
        &event,
        Some(ConnectionEvent::Closed(CloseReason::ByServer {
            code: 320,
            ..
        }))
    );
    assert!(is_forced, "{event:?}");
    assert!(matches!(consumer.next().await, Err(ConsumerEnd::Closed(_))));
    assert!(connection.open_channel().await.is_err());
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let vhost = TestVhost::new("refusals").await.unwrap();
    let good = options(vhost.name()).await;

    let wrong = ConnectOptions {
        login: Login::plain("guest", "wrong-s3cr3t"),
        ..good.clone()
    };
    let error = Connection::open(wrong).await.map(drop).unwrap_err();
    assert!(
        matches!(error, ConnectError::AccessRefused { .. }),
        "{error:?}"
    );
    assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error}");

    let nowhere = ConnectOptions {
        virtual_host: "no-such-vhost".to_owned(),
        ..good.clone()
    };
    let error = Connection::open(nowhere).await.map(drop).unwrap_err();
    assert!(
        matches!(error, ConnectError::VirtualHostNotFound { .. }),
        "{error:?}"
    );

    let elsewhere = TestVhost::new("elsewhere").await.unwrap();
    let (user, password) = ("amqp-tests-stranger", "x");
    vhost
        .management()
        .create_user(user, password, elsewhere.name())
        .await
        .unwrap();
    let stranger = ConnectOptions {
        login: Login::plain(user, password),
        ..good
    };
    let error = Connection::open(stranger).await.map(drop).unwrap_err();
    assert!(
        matches!(error, ConnectError::VirtualHostRefused { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_body_of_many_frames_arrives_whole() {
    let vhost = TestVhost::new("big").await.unwrap();
    let connection = connect(&vhost).await;
    let (channel, _events) = connection.open_channel().await.unwrap();
    channel.confirm_select().await.unwrap();
    channel.queue_declare(QueueDeclare::new("q")).await.unwrap();
    let body: Vec<u8> = (0..10_000_000_u32).map(|n| (n % 251) as u8).collect();

    let confirmation = channel
        .publish(Publish::new("", "q", body.clone()))
        .await
        .unwrap();
    assert_eq!(
        timeout(PATIENCE, confirmation).await.unwrap(),
        Ok(Confirmed::Ack)
    );
    let delivery = timeout(PATIENCE, channel.get("q", true))
        .await
        .unwrap()
        .unwrap()
        .unwrap();

    assert!(delivery.body == body, "{} bytes", delivery.body.len());
}
