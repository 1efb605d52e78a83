//! Ends of channels and connections, in order and otherwise.

use bergen_amqp::client::{ChannelEvent, ConnectError, Connection, Login, QueueDeclare};
use bergen_amqp::codec::methods::{
    basic, channel as channels, confirm, connection, exchange, queue,
};
use bergen_amqp::codec::{BasicProperties, Method};

use super::raw::{Raw, encoded, published};
use super::{channel, connect, consume, next, options, publish, queue, start, text, within};

#[tokio::test]
async fn bad_logins_are_refused_with_403() {
    let broker = start().await;
    let mut wrong = options(&broker);
    wrong.login = Login::plain("guest", "wrong");
    let error = within(Connection::open(wrong)).await.unwrap_err();
    let told = error.to_string();
    assert!(
        told.contains("403") || told.contains("ACCESS_REFUSED"),
        "{told}"
    );
    // Who did not say that it understands learns by the end of the stream.
    let mut raw = Raw::connect(super::address(&broker)).await;
    raw.write(&bergen_amqp::codec::frame::PROTOCOL_HEADER).await;
    assert!(raw.next().await.is("connection.start"));
    raw.log_in(&[], "PLAIN", b"\0guest\0wrong").await;
    assert_eq!(raw.try_next().await, None);
}

#[tokio::test]
async fn an_unknown_virtual_host_is_refused_with_530() {
    let broker = start().await;
    let mut nowhere = options(&broker);
    nowhere.virtual_host = "nope".to_owned();
    let error: ConnectError = within(Connection::open(nowhere)).await.unwrap_err();
    assert!(
        error.to_string().contains("vhost nope not found"),
        "{error}"
    );
    let mut raw = Raw::logged_in(&broker, &[], 0).await;
    raw.send(
        0,
        connection::Open {
            virtual_host: "nope",
        },
    )
    .await;
    assert_eq!(raw.closed(530).await, "NOT_ALLOWED - vhost nope not found");
}

#[tokio::test]
async fn a_channel_error_ends_one_channel_and_blames_the_method() {
    let broker = start().await;
    let mut raw = Raw::open(&broker).await;
    raw.open_channel(1).await;
    raw.open_channel(2).await;
    let passive = queue::Declare {
        queue: "nope",
        passive: true,
        ..queue::Declare::default()
    };
    raw.send(1, passive.clone()).await;
    let (text, blamed) = raw.channel_closed(1, 404).await;
    assert_eq!(text, "NOT_FOUND - no queue 'nope' in vhost '/'");
    assert_eq!(blamed, (50, 10));
    raw.send(2, basic::Qos::default()).await;
    assert!(raw.next().await.is("basic.qos-ok"));
    // Asking for no name is no asking for the queue declared last.
    raw.open_channel(1).await;
    let nameless = queue::Declare {
        passive: true,
        ..queue::Declare::default()
    };
    raw.send(1, nameless).await;
    let (text, _) = raw.channel_closed(1, 404).await;
    assert_eq!(text, "NOT_FOUND - no queue '' in vhost '/'");
    // The number can be used again.
    raw.open_channel(1).await;
    raw.publish(2, "nobody", b"dropped").await;
    let bytes = published(2, "nope", "", &BasicProperties::default(), b"x");
    raw.write(&bytes).await;
    let (text, blamed) = raw.channel_closed(2, 404).await;
    assert_eq!(text, "NOT_FOUND - no exchange 'nope' in vhost '/'");
    assert_eq!(blamed, (60, 40));
}

#[tokio::test]
async fn what_follows_an_error_on_its_channel_is_ignored() {
    let broker = start().await;
    let mut raw = Raw::open(&broker).await;
    raw.open_channel(1).await;
    let mut bytes = encoded(
        1,
        basic::Ack {
            delivery_tag: 7,
            multiple: false,
        },
    );
    let declare = queue::Declare {
        queue: "late",
        ..queue::Declare::default()
    };
    bytes.extend_from_slice(&encoded(1, declare));
    raw.write(&bytes).await;
    let (text, blamed) = raw.channel_closed(1, 406).await;
    assert_eq!(text, "PRECONDITION_FAILED - unknown delivery tag 7");
    assert_eq!(blamed, (60, 80));
    raw.open_channel(2).await;
    let passive = queue::Declare {
        queue: "late",
        passive: true,
        ..queue::Declare::default()
    };
    raw.send(2, passive).await;
    raw.channel_closed(2, 404).await;
}

#[tokio::test]
async fn what_came_before_a_close_is_done_and_answered_first() {
    let broker = start().await;
    let mut raw = Raw::open(&broker).await;
    raw.open_channel(1).await;
    let mut bytes = encoded(1, confirm::Select { no_wait: false });
    let declare = queue::Declare {
        queue: "q",
        ..queue::Declare::default()
    };
    bytes.extend_from_slice(&encoded(1, declare));
    bytes.extend_from_slice(&published(1, "", "q", &BasicProperties::default(), b"x"));
    let close = channels::Close {
        reply_code: 200,
        reply_text: "bye",
        class_id: 0,
        method_id: 0,
    };
    bytes.extend_from_slice(&encoded(1, close));
    raw.write(&bytes).await;
    for expected in ["confirm.select-ok", "queue.declare-ok"] {
        let frame = raw.next().await;
        assert!(frame.is(expected), "{frame:?}");
    }
    let mut answer = raw.next().await;
    if answer.is("basic.ack") {
        answer = raw.next().await;
    }
    assert!(answer.is("channel.close-ok"), "{answer:?}");
    raw.open_channel(1).await;
    raw.send(
        1,
        basic::Get {
            queue: "q",
            no_ack: true,
        },
    )
    .await;
    assert!(raw.next().await.is("basic.get-ok"));

    // The same with the whole connection.
    let mut leaving = Raw::open(&broker).await;
    leaving.open_channel(1).await;
    let mut bytes = published(1, "", "q", &BasicProperties::default(), b"last");
    let close = connection::Close {
        reply_code: 200,
        reply_text: "bye",
        class_id: 0,
        method_id: 0,
    };
    bytes.extend_from_slice(&encoded(0, close));
    leaving.write(&bytes).await;
    assert!(leaving.next().await.is("connection.close-ok"));
    assert_eq!(leaving.try_next().await, None);
    assert_eq!(raw.content().await.1, b"x");
    raw.send(
        1,
        basic::Get {
            queue: "q",
            no_ack: true,
        },
    )
    .await;
    assert!(raw.next().await.is("basic.get-ok"));
    assert_eq!(raw.content().await.1, b"last");
}

#[tokio::test]
async fn a_connection_error_ends_one_connection() {
    let broker = start().await;
    let neighbour = connect(&broker).await;
    let (neighbour, _events) = channel(&neighbour).await;
    let queue = queue(&neighbour).await;
    let mut consumer = consume(&neighbour, &queue).await;
    let cases: Vec<(Method<'_>, u16, (u16, u16))> = vec![
        (
            basic::Qos {
                prefetch_size: 1,
                ..basic::Qos::default()
            }
            .into(),
            540,
            (60, 10),
        ),
        (
            exchange::Declare {
                exchange: "e",
                kind: "nope",
                ..exchange::Declare::default()
            }
            .into(),
            503,
            (40, 10),
        ),
        (connection::Blocked { reason: "" }.into(), 503, (10, 60)),
        (basic::Deliver::default().into(), 503, (60, 60)),
    ];
    for (method, code, blamed) in cases {
        let mut raw = Raw::open(&broker).await;
        raw.open_channel(1).await;
        let name = method.name();
        raw.send(1, method).await;
        let frame = raw.next().await;
        let Method::ConnectionClose(close) = frame.method() else {
            panic!("{name}: {frame:?}")
        };
        assert_eq!(
            (close.reply_code, (close.class_id, close.method_id)),
            (code, blamed),
            "{name}: {close:?}"
        );
        raw.send(0, connection::CloseOk {}).await;
        assert_eq!(raw.try_next().await, None, "{name}");
    }
    let mut immediate = Raw::open(&broker).await;
    immediate.open_channel(1).await;
    let publish_now = basic::Publish {
        routing_key: "q",
        immediate: true,
        ..basic::Publish::default()
    };
    let mut bytes = encoded(1, publish_now);
    bergen_amqp::codec::frame::encode_header(1, 0, &BasicProperties::default(), 4096, &mut bytes)
        .unwrap();
    immediate.write(&bytes).await;
    assert_eq!(
        immediate.closed(540).await,
        "NOT_IMPLEMENTED - immediate=true"
    );
    publish(&neighbour, &queue, "still here").await;
    assert_eq!(text(&next(&mut consumer).await), "still here");
}

#[tokio::test]
async fn a_message_in_anothers_name_is_refused() {
    let broker = start().await;
    let mut raw = Raw::open(&broker).await;
    raw.open_channel(1).await;
    let named = |user_id: &'static str| BasicProperties {
        user_id: Some(user_id.into()),
        ..BasicProperties::default()
    };
    raw.write(&published(1, "", "q", &named("guest"), b""))
        .await;
    raw.write(&published(1, "", "q", &named("root"), b"")).await;
    let (text, _) = raw.channel_closed(1, 406).await;
    assert_eq!(
        text,
        "PRECONDITION_FAILED - user_id property set to 'root' but authenticated user was 'guest'"
    );
}

#[tokio::test]
async fn exclusive_queues_go_with_their_connection() {
    let broker = start().await;
    let owner = connect(&broker).await;
    let (owning, _events) = channel(&owner).await;
    let queue = queue(&owning).await;
    let other = connect(&broker).await;
    let (first, _first_events) = channel(&other).await;
    let error = within(first.queue_declare(QueueDeclare::passive(&queue)))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("405"), "{error}");
    within(owner.close()).await.unwrap();
    let (second, _second_events) = channel(&other).await;
    let error = within(second.queue_declare(QueueDeclare::passive(&queue)))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("404"), "{error}");
}

#[tokio::test]
async fn stopping_tells_everybody_and_ends() {
    let broker = start().await;
    let connection = connect(&broker).await;
    let (_channel, mut events) = channel(&connection).await;
    // One that never answers, and one that has not even logged in.
    let mut mute = Raw::open(&broker).await;
    let address = super::address(&broker);
    let _silent = Raw::connect(address).await;
    within(broker.stop()).await;
    let Some(ChannelEvent::Closed(error)) = within(events.next()).await else {
        panic!("not closed");
    };
    assert!(error.to_string().contains("320"), "{error}");
    assert!(mute.next().await.is("connection.close"));
    assert_eq!(mute.try_next().await, None);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn connections_are_seen_and_closed_from_outside() {
    let broker = start().await;
    let mut named = options(&broker);
    named.connection_name = Some("me".to_owned());
    let (connection, _events) = Connection::open(named).await.unwrap();
    let (channel, mut events) = channel(&connection).await;
    let seen = broker
        .control()
        .ask(|state| (state.connections(), state.channels()))
        .await
        .unwrap();
    let ([one], [only]) = (&seen.0[..], &seen.1[..]) else {
        panic!("{seen:?}")
    };
    assert_eq!(one.user.as_ref().unwrap().name(), "guest");
    assert_eq!(
        (one.virtual_host.as_deref(), one.state, one.channels),
        (Some("/"), "running", 1)
    );
    assert_eq!((only.number, &only.connection), (channel.id(), &one.name));
    let name = one.name.to_string();
    let closed = broker
        .control()
        .ask(move |state| state.close_connection(&name, "enough"))
        .await;
    assert_eq!(closed, Ok(true));
    let Some(ChannelEvent::Closed(error)) = within(events.next()).await else {
        panic!("not closed");
    };
    assert!(error.to_string().contains("enough"), "{error}");
}
