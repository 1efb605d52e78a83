use super::{declare, numbers, pair::Pair, publish, with_id};
use crate::{
    codec::{
        Method,
        methods::{basic, channel, connection, exchange, queue, tx},
    },
    protocol::{CloseReason, Event, Reply, SendError, ServerConfig, Violation},
};

fn declared(queue: &str) -> Method<'_> {
    queue::DeclareOk {
        queue,
        message_count: 3,
        consumer_count: 2,
    }
    .into()
}

#[test]
fn replies_come_in_the_order_of_the_requests() {
    let mut pair = Pair::connected();
    let (client, server) = pair.open_channel();
    let connection = &mut pair.client.connection;
    let first = connection.request(client, &declare("a")).unwrap();
    let second = connection
        .request(client, &exchange::Declare::default().into())
        .unwrap();
    let third = connection.request(client, &declare("b")).unwrap();
    pair.drive();
    assert_eq!(pair.server.take_events().len(), 3);
    for answer in [declared("a"), exchange::DeclareOk {}.into(), declared("b")] {
        pair.server.connection.send(server, &answer).unwrap();
    }
    pair.drive();
    let reply = |queue: &str| Reply::QueueDeclared {
        queue: queue.to_owned(),
        message_count: 3,
        consumer_count: 2,
    };
    assert_eq!(pair.client.reply(first), reply("a"));
    assert_eq!(pair.client.reply(second), Reply::Done);
    assert_eq!(pair.client.reply(third), reply("b"));
}

#[test]
fn every_kind_of_request_has_its_reply() {
    let mut pair = Pair::connected();
    let (client, server) = pair.open_channel();
    let table: Vec<(Method<'_>, Method<'_>, Reply)> = vec![
        (
            basic::Qos::default().into(),
            basic::QosOk {}.into(),
            Reply::Done,
        ),
        (
            exchange::Delete::default().into(),
            exchange::DeleteOk {}.into(),
            Reply::Done,
        ),
        (
            exchange::Bind::default().into(),
            exchange::BindOk {}.into(),
            Reply::Done,
        ),
        (
            exchange::Unbind::default().into(),
            exchange::UnbindOk {}.into(),
            Reply::Done,
        ),
        (
            queue::Bind::default().into(),
            queue::BindOk {}.into(),
            Reply::Done,
        ),
        (
            queue::Unbind::default().into(),
            queue::UnbindOk {}.into(),
            Reply::Done,
        ),
        (
            queue::Purge::default().into(),
            queue::PurgeOk { message_count: 4 }.into(),
            Reply::MessageCount(4),
        ),
        (
            queue::Delete::default().into(),
            queue::DeleteOk { message_count: 5 }.into(),
            Reply::MessageCount(5),
        ),
        (
            basic::Recover::default().into(),
            basic::RecoverOk {}.into(),
            Reply::Done,
        ),
        (
            basic::Get::default().into(),
            basic::GetEmpty {}.into(),
            Reply::NoMessage,
        ),
        (
            basic::Consume::default().into(),
            basic::ConsumeOk {
                consumer_tag: "made-up",
            }
            .into(),
            Reply::ConsumerStarted {
                consumer_tag: "made-up".into(),
            },
        ),
        (
            basic::Cancel {
                consumer_tag: "made-up",
                no_wait: false,
            }
            .into(),
            basic::CancelOk {
                consumer_tag: "made-up",
            }
            .into(),
            Reply::ConsumerStopped {
                consumer_tag: "made-up".into(),
            },
        ),
        (tx::Select {}.into(), tx::SelectOk {}.into(), Reply::Done),
        (
            channel::Flow { active: true }.into(),
            channel::FlowOk { active: true }.into(),
            Reply::Done,
        ),
    ];
    for (request, answer, reply) in table {
        let got = pair.exchange(client, server, &request, &[answer]);
        assert_eq!(got, reply, "{}", request.name());
    }
}

#[test]
fn point_05_a_request_is_expected_before_its_bytes_leave() {
    let mut pair = Pair::connected();
    let channel = pair.client.connection.open_channel().unwrap();
    let request = pair
        .client
        .connection
        .request(channel, &declare("q"))
        .unwrap();
    assert!(pair.client.connection.has_output(), "nothing has left");
    pair.cut();
    let Event::ChannelClosed { unsettled, .. } = pair.client.event() else {
        panic!("the channel lives");
    };
    assert_eq!(unsettled.requests, [request]);
}

#[test]
fn point_06_deliveries_directly_behind_consume_ok_are_not_lost() {
    let mut pair = Pair::connected();
    let (client, server) = pair.open_channel();
    let consume = basic::Consume {
        consumer_tag: "c",
        ..Default::default()
    };
    let request = pair
        .client
        .connection
        .request(client, &consume.into())
        .unwrap();
    pair.drive();
    // All in one turn, so in one segment.
    pair.cut_frames = false;
    let consume_ok = basic::ConsumeOk { consumer_tag: "c" };
    pair.server
        .connection
        .send(server, &consume_ok.into())
        .unwrap();
    pair.deliver(server, 1, b"one");
    pair.deliver(server, 2, b"two");
    pair.drive();
    assert!(matches!(
        pair.client.reply(request),
        Reply::ConsumerStarted { .. }
    ));
    for (tag, body) in [(1, "one"), (2, "two")] {
        let Event::Delivery { delivery, .. } = pair.client.event() else {
            panic!("no delivery")
        };
        assert_eq!(
            (delivery.delivery_tag, &delivery.body[..]),
            (tag, body.as_bytes())
        );
        assert_eq!(&*delivery.consumer_tag, "c");
    }
}

#[test]
fn a_reply_that_nobody_asked_for_breaks_the_protocol() {
    let mut pair = Pair::connected();
    let (_, server) = pair.open_channel();
    pair.server.connection.send(server, &declared("q")).unwrap();
    pair.drive();
    let violation = Violation::UnexpectedMethod {
        method: "queue.declare-ok",
    };
    assert!(pair.client.take_events().contains(&Event::Closed {
        reason: CloseReason::Misbehaved(violation)
    }));
    let Event::ChannelClosed { .. } = pair.server.event() else {
        panic!("the channel lives")
    };
    let Event::Closed {
        reason: CloseReason::Peer { close, .. },
    } = pair.server.event()
    else {
        panic!("not told")
    };
    assert_eq!((close.code, close.class_id, close.method_id), (503, 50, 11));
}

#[test]
fn a_reply_out_of_turn_breaks_the_protocol() {
    let mut pair = Pair::connected();
    let (client, server) = pair.open_channel();
    pair.client
        .connection
        .request(client, &declare("q"))
        .unwrap();
    pair.client
        .connection
        .request(client, &basic::Qos::default().into())
        .unwrap();
    pair.drive();
    pair.server
        .connection
        .send(server, &basic::QosOk {}.into())
        .unwrap();
    pair.drive();
    let violation = Violation::UnexpectedReply {
        method: "basic.qos-ok",
        expected: "queue.declare",
    };
    assert!(pair.client.take_events().contains(&Event::Closed {
        reason: CloseReason::Misbehaved(violation)
    }));
}

#[test]
fn what_is_no_request_is_refused() {
    let mut pair = Pair::connected();
    let (client, server) = pair.open_channel();
    let no_wait = queue::Declare {
        no_wait: true,
        ..Default::default()
    };
    let methods: [Method<'_>; 6] = [
        no_wait.into(),
        connection::Open::default().into(),
        channel::Open {}.into(),
        channel::Close::default().into(),
        basic::Ack::default().into(),
        basic::ConsumeOk::default().into(),
    ];
    for method in methods {
        let refused = Err(SendError::WrongMethod {
            method: method.name(),
        });
        assert_eq!(pair.client.connection.request(client, &method), refused);
    }
    let too_long = "q".repeat(256);
    let error = pair.client.connection.request(client, &declare(&too_long));
    assert!(matches!(error, Err(SendError::Encode(_))));
    assert!(!pair.client.connection.has_output());
    let from_server = pair.server.connection.request(server, &declare("q"));
    assert!(matches!(from_server, Err(SendError::WrongMethod { .. })));
    let reply_from_client = pair.client.connection.send(client, &declared("q"));
    assert!(matches!(
        reply_from_client,
        Err(SendError::WrongMethod { .. })
    ));
    assert!(matches!(
        pair.server.connection.open_channel(),
        Err(SendError::WrongMethod { .. })
    ));
}

#[test]
fn channel_numbers_run_out_and_come_back() {
    let mut client = super::pair::client_config();
    client.channel_max = 3;
    let mut pair = Pair::connected_with(client, ServerConfig::default(), 1);
    let connection = &mut pair.client.connection;
    let channels: Vec<_> = (0..3).map(|_| connection.open_channel().unwrap()).collect();
    assert_eq!(numbers(&channels), [1, 2, 3]);
    assert_eq!(
        connection.open_channel(),
        Err(SendError::NoFreeChannel { limit: 3 })
    );
    connection.close_channel(channels[1], 200, "").unwrap();
    assert_eq!(
        connection.open_channel(),
        Err(SendError::NoFreeChannel { limit: 3 })
    );
    pair.drive();
    let again = pair.client.connection.open_channel().unwrap();
    assert_eq!(again.number(), 2);
    assert_ne!(again, channels[1]);
}

#[test]
fn a_new_channel_can_be_used_ahead_of_the_answer() {
    let mut pair = Pair::connected();
    let channel = pair.client.connection.open_channel().unwrap();
    let properties = with_id("1");
    pair.client
        .connection
        .request(channel, &declare("q"))
        .unwrap();
    pair.client
        .connection
        .publish(channel, &publish("q", &properties, "x"))
        .unwrap();
    pair.drive();
    let Event::ChannelOpened { .. } = pair.server.event() else {
        panic!("not opened")
    };
    assert_eq!(pair.server.method(), "queue.declare");
    let Event::Published { tag, message, .. } = pair.server.event() else {
        panic!("no message")
    };
    assert_eq!((tag, &message.body[..]), (None, &b"x"[..]));
    assert_eq!(message.properties, properties);
}
