//! What every client does.

use bergen_amqp::client::{
    ChannelEvent, Confirmed, Consume, ExchangeDeclare, ExchangeKind, Publish, QueueBind,
    QueueDeclare, QueueDelete,
};
use bergen_amqp::codec::methods::{basic, queue, tx};
use bergen_amqp::codec::{BasicProperties, Method};
use bergen_broker::Broker;
use bergen_broker::core::HostSettings;

use super::raw::{Raw, published};
use super::{channel, connect, consume, next, options, publish, queue, start, text, within};

#[tokio::test]
async fn a_message_goes_through() {
    let broker = start().await;
    let connection = connect(&broker).await;
    let (channel, _events) = channel(&connection).await;
    within(channel.confirm_select()).await.unwrap();
    let queue = queue(&channel).await;
    assert!(queue.starts_with("amq.gen-"), "{queue}");
    let mut consumer = consume(&channel, &queue).await;
    let properties = BasicProperties {
        message_id: Some("m1".into()),
        ..BasicProperties::default()
    };
    let message = Publish::new("", queue.as_str(), "hello").with_properties(properties.clone());
    let confirmed = within(channel.publish(message)).await.unwrap();
    assert!(within(confirmed).await.unwrap().is_ack());
    let delivery = next(&mut consumer).await;
    assert_eq!(text(&delivery), "hello");
    assert_eq!(delivery.properties, properties);
    assert_eq!((delivery.delivery_tag, delivery.redelivered), (1, false));
    assert_eq!(
        (&*delivery.exchange, &*delivery.routing_key),
        ("", queue.as_str())
    );
    channel.ack(1, false).unwrap();
    within(connection.close()).await.unwrap();
    broker.stop().await;
}

#[tokio::test]
async fn bodies_of_all_sizes_arrive_as_they_were() {
    let broker = start().await;
    let connection = connect(&broker).await;
    let (channel, _events) = channel(&connection).await;
    let queue = queue(&channel).await;
    let mut consumer = consume(&channel, &queue).await;
    for size in [
        0,
        1,
        511,
        512,
        4096,
        4097,
        131_064,
        131_065,
        1 << 20,
        5_000_000,
    ] {
        let body: Vec<u8> = (0..size)
            .map(|at| u8::try_from(at % 251).unwrap())
            .collect();
        let message = Publish::new("", queue.as_str(), body.clone());
        within(channel.publish(message))
            .await
            .unwrap()
            .await
            .unwrap();
        let delivery = next(&mut consumer).await;
        assert!(delivery.body == body, "{size}");
    }
}

#[tokio::test]
async fn what_is_not_acknowledged_comes_again() {
    let broker = start().await;
    let declaring = connect(&broker).await;
    let (channel_one, _events) = channel(&declaring).await;
    within(channel_one.queue_declare(QueueDeclare::new("work")))
        .await
        .unwrap();
    publish(&channel_one, "work", "a").await;
    publish(&channel_one, "work", "b").await;
    let connection = connect(&broker).await;
    let (first, _first_events) = channel(&connection).await;
    let mut consumer = consume(&first, "work").await;
    assert_eq!(text(&next(&mut consumer).await), "a");
    assert_eq!(text(&next(&mut consumer).await), "b");
    first.ack(1, false).unwrap();
    within(first.close()).await.unwrap();
    let (second, _second_events) = channel(&connection).await;
    let delivery = within(second.get("work", false)).await.unwrap().unwrap();
    assert_eq!((text(&delivery), delivery.redelivered), ("b", true));
    second.nack(delivery.delivery_tag, false, true).unwrap();
    let again = within(second.get("work", true)).await.unwrap().unwrap();
    assert_eq!((text(&again), again.delivery_tag), ("b", 2));
    assert_eq!(within(second.get("work", true)).await.unwrap(), None);
}

#[tokio::test]
async fn exchanges_route_and_mandatory_messages_come_back() {
    let broker = start().await;
    let connection = connect(&broker).await;
    let (channel, mut events) = channel(&connection).await;
    let queue = queue(&channel).await;
    let declare = ExchangeDeclare::new("news", ExchangeKind::Topic);
    within(channel.exchange_declare(declare)).await.unwrap();
    within(channel.queue_bind(QueueBind::new(&queue, "news", "sport.#")))
        .await
        .unwrap();
    let mut consumer = consume(&channel, &queue).await;
    let routed = Publish::new("news", "sport.chess", "1").mandatory();
    within(channel.publish(routed))
        .await
        .unwrap()
        .await
        .unwrap();
    assert_eq!(text(&next(&mut consumer).await), "1");

    let unroutable = Publish::new("news", "weather", "2").mandatory();
    within(channel.publish(unroutable.clone()))
        .await
        .unwrap()
        .await
        .unwrap();
    let Some(ChannelEvent::Returned { returned, message }) = within(events.next()).await else {
        panic!("not returned");
    };
    assert_eq!(
        (returned.reply_code, returned.reply_text.as_str()),
        (312, "NO_ROUTE")
    );
    assert_eq!(
        (&*message.exchange, &*message.routing_key, &message.body[..]),
        ("news", "weather", &b"2"[..])
    );

    // With confirms the return comes first.
    within(channel.confirm_select()).await.unwrap();
    let confirmation = within(channel.publish(unroutable)).await.unwrap();
    assert!(matches!(
        within(confirmation).await.unwrap(),
        Confirmed::Returned(_)
    ));
}

#[tokio::test]
async fn a_consumer_is_told_when_its_queue_goes() {
    let broker = start().await;
    let connection = connect(&broker).await;
    let (deleting, _events) = channel(&connection).await;
    let (consuming, mut events) = channel(&connection).await;
    let queue = queue(&deleting).await;
    let consumer = consume(&consuming, &queue).await;
    publish(&deleting, &queue, "x").await;
    within(deleting.queue_delete(QueueDelete::new(&queue)))
        .await
        .unwrap();
    let Some(ChannelEvent::ConsumerCancelled { consumer_tag }) = within(events.next()).await else {
        panic!("not told");
    };
    assert_eq!(consumer_tag, consumer.consumer_tag());
    assert!(consuming.is_open());
}

#[tokio::test]
async fn who_does_not_understand_cancel_notifications_gets_none() {
    let broker = start().await;
    let mut raw = Raw::open(&broker).await;
    let mut told = Raw::open_with(&broker, &["consumer_cancel_notify"], "/", 0).await;
    for client in [&mut raw, &mut told] {
        client.open_channel(1).await;
        let declare = queue::Declare {
            queue: "q",
            ..queue::Declare::default()
        };
        client.send(1, declare).await;
        assert!(client.next().await.is("queue.declare-ok"));
        let consume = basic::Consume {
            queue: "q",
            consumer_tag: "c",
            ..basic::Consume::default()
        };
        client.send(1, consume).await;
        assert!(client.next().await.is("basic.consume-ok"));
    }
    let delete = queue::Delete {
        queue: "q",
        ..queue::Delete::default()
    };
    raw.send(1, delete).await;
    assert!(raw.next().await.is("queue.delete-ok"));
    assert!(told.next().await.is("basic.cancel"));
    raw.send(1, basic::Qos::default()).await;
    assert!(
        raw.next().await.is("basic.qos-ok"),
        "nothing came in between"
    );
}

#[tokio::test]
async fn an_empty_queue_name_is_the_one_declared_last() {
    let broker = start().await;
    let mut raw = Raw::open(&broker).await;
    raw.open_channel(1).await;
    raw.send(1, queue::Purge::default()).await;
    let (text, blamed) = raw.channel_closed(1, 404).await;
    assert_eq!(text, "NOT_FOUND - no previously declared queue");
    assert_eq!(blamed, (50, 30));
    raw.open_channel(1).await;
    raw.send(
        1,
        queue::Declare {
            exclusive: true,
            ..queue::Declare::default()
        },
    )
    .await;
    let declared = raw.next().await;
    let Method::QueueDeclareOk(declared) = declared.method() else {
        panic!("{declared:?}")
    };
    raw.send(
        1,
        queue::Bind {
            exchange: "amq.direct",
            ..queue::Bind::default()
        },
    )
    .await;
    assert!(raw.next().await.is("queue.bind-ok"));
    let bytes = published(
        1,
        "amq.direct",
        declared.queue,
        &BasicProperties::default(),
        b"x",
    );
    raw.write(&bytes).await;
    raw.send(
        1,
        basic::Get {
            no_ack: true,
            ..basic::Get::default()
        },
    )
    .await;
    assert!(raw.next().await.is("basic.get-ok"));
    assert_eq!(raw.content().await.1, b"x");
    raw.send(
        1,
        basic::Get {
            no_ack: true,
            ..basic::Get::default()
        },
    )
    .await;
    assert!(raw.next().await.is("basic.get-empty"));
}

#[tokio::test]
async fn no_wait_wants_no_answer_and_tags_are_made_up() {
    let broker = start().await;
    let mut raw = Raw::open(&broker).await;
    raw.open_channel(1).await;
    let declare = queue::Declare {
        queue: "q",
        no_wait: true,
        ..queue::Declare::default()
    };
    raw.send(1, declare).await;
    let consume = basic::Consume {
        queue: "q",
        no_wait: true,
        no_ack: true,
        ..basic::Consume::default()
    };
    raw.send(1, consume).await;
    raw.publish(1, "q", b"x").await;
    let deliver = raw.next().await;
    let Method::BasicDeliver(deliver) = deliver.method() else {
        panic!("{deliver:?}")
    };
    assert!(deliver.consumer_tag.starts_with("amq.ctag-"), "{deliver:?}");
}

#[tokio::test]
async fn a_consumer_is_confirmed_before_it_gets_anything() {
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
    raw.publish(1, "q", b"x").await;
    raw.send(
        1,
        basic::Consume {
            queue: "q",
            ..basic::Consume::default()
        },
    )
    .await;
    assert!(raw.next().await.is("basic.consume-ok"));
    assert!(raw.next().await.is("basic.deliver"));
}

#[tokio::test]
async fn a_transaction_is_done_as_a_whole_or_not_at_all() {
    let broker = start().await;
    let mut raw = Raw::open(&broker).await;
    raw.open_channel(1).await;
    raw.open_channel(2).await;
    raw.send(
        1,
        queue::Declare {
            queue: "q",
            ..queue::Declare::default()
        },
    )
    .await;
    assert!(raw.next().await.is("queue.declare-ok"));
    raw.send(1, tx::Select {}).await;
    assert!(raw.next().await.is("tx.select-ok"));
    let get = basic::Get {
        queue: "q",
        no_ack: true,
    };
    for (end, answer, got) in [
        (
            Method::from(tx::Rollback {}),
            "tx.rollback-ok",
            "basic.get-empty",
        ),
        (Method::from(tx::Commit {}), "tx.commit-ok", "basic.get-ok"),
    ] {
        raw.publish(1, "q", b"x").await;
        raw.send(2, get.clone()).await;
        assert!(raw.next().await.is("basic.get-empty"));
        raw.send(1, end).await;
        assert!(raw.next().await.is(answer));
        raw.send(2, get.clone()).await;
        assert!(raw.next().await.is(got));
    }
}

#[tokio::test]
async fn direct_replies_need_no_queue() {
    let broker = start().await;
    let asking = connect(&broker).await;
    let (client, _client_events) = channel(&asking).await;
    let consume_replies = Consume {
        no_ack: true,
        ..Consume::new("amq.rabbitmq.reply-to")
    };
    let mut replies = within(client.consume_stream(consume_replies, 10))
        .await
        .unwrap();
    let answering = connect(&broker).await;
    let (server, _server_events) = channel(&answering).await;
    within(server.queue_declare(QueueDeclare::new("calls")))
        .await
        .unwrap();
    let mut calls = consume(&server, "calls").await;
    let properties = BasicProperties {
        reply_to: Some("amq.rabbitmq.reply-to".into()),
        ..BasicProperties::default()
    };
    let call = Publish::new("", "calls", "?").with_properties(properties);
    within(client.publish(call)).await.unwrap().await.unwrap();
    let call = next(&mut calls).await;
    let reply_to = call.properties.reply_to.clone().unwrap();
    assert_ne!(reply_to, "amq.rabbitmq.reply-to");
    publish(&server, &reply_to, "!").await;
    assert_eq!(text(&next(&mut replies).await), "!");
}

#[tokio::test]
async fn virtual_hosts_know_nothing_of_each_other() {
    let mut other = HostSettings::default();
    other.name = "other".into();
    let broker = Broker::builder().virtual_host(other).start().await.unwrap();
    let here = connect(&broker).await;
    let (here, _here_events) = channel(&here).await;
    within(here.queue_declare(QueueDeclare::new("q")))
        .await
        .unwrap();
    let mut there = options(&broker);
    there.virtual_host = "other".to_owned();
    let (there, _events) = bergen_amqp::client::Connection::open(there).await.unwrap();
    let (there, _there_events) = channel(&there).await;
    let error = within(there.queue_declare(QueueDeclare::passive("q")))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("no queue 'q' in vhost 'other'"),
        "{error}"
    );
}
