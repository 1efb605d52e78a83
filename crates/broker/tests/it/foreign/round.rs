//! What every client does on every broker. Texts of refusals are RabbitMQ 3.10's, since programs look for them.

use std::time::Duration;

use super::broker::Address;
use super::client::{
    Channel, Client, Declared, Delivery, Exchange, How, Outcome, Outgoing, Properties, Queue,
    Refused, Returned, Unless, Value, within,
};

/// Long enough to be of no account.
const HEARTBEAT: u16 = 30;

type ChannelOf<C> = <C as Client>::Channel;
type TableOf<C> = <ChannelOf<C> as Channel>::Table;

/// An exchange, a routing key, headers, and the queues that get the message.
type Case<T> = (
    &'static str,
    &'static str,
    Option<T>,
    &'static [&'static str],
);

async fn connected<C: Client>(address: &Address) -> C {
    within("a connection", C::connect(address, HEARTBEAT))
        .await
        .unwrap()
}

/// A connection and a channel with confirms.
async fn opened<C: Client>(address: &Address) -> (C, ChannelOf<C>) {
    let client = connected::<C>(address).await;
    let mut channel = client.channel().await;
    channel.select_confirms().await;
    (client, channel)
}

fn none<C: Channel>() -> C::Table {
    C::table(&[])
}

/// A text for a queue.
fn to<'a, T>(queue: &'a str, body: &'a str) -> Outgoing<'a, T> {
    routed("", queue, body)
}

fn routed<'a, T>(exchange: &'a str, routing_key: &'a str, body: &'a str) -> Outgoing<'a, T> {
    Outgoing {
        exchange,
        routing_key,
        mandatory: false,
        body: body.as_bytes(),
        properties: Properties::default(),
    }
}

fn queue(name: &str) -> Queue<'_> {
    Queue {
        name,
        ..Queue::default()
    }
}

async fn declare<C: Channel>(channel: &mut C, name: &str) {
    channel
        .declare_queue(queue(name), none::<C>())
        .await
        .unwrap();
}

/// What is there, by a passive declare.
async fn counts<C: Channel>(channel: &mut C, name: &str) -> (u32, u32) {
    let passive = Queue {
        passive: true,
        ..queue(name)
    };
    let found = channel.declare_queue(passive, none::<C>()).await.unwrap();
    assert_eq!(found.name, name);
    (found.messages, found.consumers)
}

async fn send<C: Channel>(channel: &mut C, queue: &str, bodies: &[&str]) {
    for body in bodies {
        assert_eq!(channel.publish(to(queue, body)).await, Outcome::Confirmed);
    }
}

fn text<T>(delivery: &Delivery<T>) -> &str {
    std::str::from_utf8(&delivery.body).unwrap()
}

async fn next<C: Channel>(channel: &mut C) -> Delivery<C::Table> {
    channel.next().await.expect("the consumer has ended")
}

fn refused(code: u16, text: &str) -> Refused {
    Refused {
        code,
        text: text.to_owned(),
    }
}

pub(super) async fn logins_are_checked_and_connections_close_in_order<C: Client>(
    address: &Address,
) {
    let wrong = [
        Address {
            password: "wrong".to_owned(),
            ..address.clone()
        },
        Address {
            user: "nobody".to_owned(),
            ..address.clone()
        },
        Address {
            vhost: "nowhere".to_owned(),
            ..address.clone()
        },
    ];
    for wrong in wrong {
        let connected = within("the refusal", C::connect(&wrong, HEARTBEAT)).await;
        assert!(connected.is_err(), "{wrong:?}");
    }
    let client = connected::<C>(address).await;
    let first = client.channel().await;
    let mut second = client.channel().await;
    first.close().await;
    // The number of a closed channel is used again.
    let mut third = client.channel().await;
    declare(&mut second, "q").await;
    assert_eq!(counts(&mut third, "q").await, (0, 0));
    third.close().await;
    second.close().await;
    within("the end", client.close()).await;
    let (client, mut channel) = opened::<C>(address).await;
    assert_eq!(channel.delete_queue("q", Unless::Nothing).await, Ok(0));
    within("the end", client.close()).await;
}

pub(super) async fn messages_go_where_the_four_kinds_of_exchange_say<C: Client>(address: &Address) {
    let (client, mut channel) = opened::<C>(address).await;
    for kind in ["direct", "topic", "fanout", "headers"] {
        let name = format!("by-{kind}");
        let exchange = Exchange {
            name: &name,
            kind,
            ..Exchange::default()
        };
        channel.declare_exchange(exchange).await.unwrap();
        // Again, and by name only.
        channel.declare_exchange(exchange).await.unwrap();
        let passive = Exchange {
            passive: true,
            ..exchange
        };
        channel.declare_exchange(passive).await.unwrap();
    }
    for name in ["one", "two"] {
        declare(&mut channel, name).await;
    }
    let nothing = none::<ChannelOf<C>>;
    let all = [("x-match", Value::Text("all")), ("a", Value::Number(1))];
    let any = [
        ("x-match", Value::Text("any")),
        ("a", Value::Number(2)),
        ("b", Value::Text("x")),
    ];
    let (all, any) = (ChannelOf::<C>::table(&all), ChannelOf::<C>::table(&any));
    for (queue, exchange, key, arguments) in [
        ("one", "by-direct", "red", nothing()),
        ("two", "by-direct", "blue", nothing()),
        ("one", "by-topic", "*.red.#", nothing()),
        ("two", "by-topic", "#", nothing()),
        ("one", "by-fanout", "", nothing()),
        ("two", "by-fanout", "ignored", nothing()),
        ("one", "by-headers", "", all),
        ("two", "by-headers", "", any),
    ] {
        channel
            .bind_queue(queue, exchange, key, arguments)
            .await
            .unwrap();
    }
    let headers = |a: i32, b: &str| {
        Some(ChannelOf::<C>::table(&[
            ("a", Value::Number(a)),
            ("b", Value::Text(b)),
        ]))
    };
    // Where from, with which key and headers, and who gets it.
    let cases: [Case<TableOf<C>>; 10] = [
        ("by-direct", "red", None, &["one"]),
        ("by-direct", "blue", None, &["two"]),
        ("by-topic", "a.red", None, &["one", "two"]),
        ("by-topic", "a.red.b.c", None, &["one", "two"]),
        ("by-topic", "red", None, &["two"]),
        ("by-fanout", "any", None, &["one", "two"]),
        ("by-headers", "", headers(1, "y"), &["one"]),
        ("by-headers", "", headers(2, "y"), &["two"]),
        ("by-headers", "", headers(1, "x"), &["one", "two"]),
        ("amq.direct", "", None, &[]),
    ];
    for (exchange, key, headers, expected) in cases {
        let mut message = routed(exchange, key, "x");
        message.properties.headers = headers;
        let case = format!("{exchange} {key} {:?}", message.properties.headers);
        assert_eq!(channel.publish(message).await, Outcome::Confirmed, "{case}");
        let mut got = Vec::new();
        for name in ["one", "two"] {
            if let Some((delivery, left)) = channel.get(name).await {
                assert_eq!(
                    (delivery.exchange.as_str(), delivery.routing_key.as_str()),
                    (exchange, key),
                    "{case}"
                );
                assert_eq!(left, 0, "{case}");
                channel.ack(delivery.tag, false).await;
                got.push(name);
            }
        }
        assert_eq!(got, expected, "{case}");
    }
    // Through a second exchange, and no more once the binding is gone.
    channel
        .bind_exchange("by-fanout", "by-direct", "green")
        .await
        .unwrap();
    channel
        .publish(routed("by-direct", "green", "through"))
        .await;
    assert_eq!(counts(&mut channel, "one").await.0, 1);
    assert_eq!(counts(&mut channel, "two").await.0, 1);
    channel
        .unbind_queue("two", "by-fanout", "ignored")
        .await
        .unwrap();
    channel
        .publish(routed("by-direct", "green", "through"))
        .await;
    assert_eq!(counts(&mut channel, "one").await.0, 2);
    assert_eq!(counts(&mut channel, "two").await.0, 1);
    for kind in ["direct", "topic", "fanout", "headers"] {
        let name = format!("by-{kind}");
        channel.delete_exchange(&name, false).await.unwrap();
    }
    client.close().await;
}

pub(super) async fn declarations_tell_what_is_there<C: Client>(address: &Address) {
    let (client, mut channel) = opened::<C>(address).await;
    let durable = Queue {
        durable: true,
        ..queue("durable")
    };
    let declared = channel
        .declare_queue(durable, none::<ChannelOf<C>>())
        .await
        .unwrap();
    let empty = Declared {
        name: "durable".to_owned(),
        messages: 0,
        consumers: 0,
    };
    assert_eq!(declared, empty);
    send(&mut channel, "durable", &["a", "b", "c"]).await;
    let again = channel
        .declare_queue(durable, none::<ChannelOf<C>>())
        .await
        .unwrap();
    assert_eq!(
        again,
        Declared {
            messages: 3,
            ..empty
        }
    );
    assert_eq!(channel.purge_queue("durable").await, Ok(3));
    channel
        .consume("durable", "c", How::default())
        .await
        .unwrap();
    send(&mut channel, "durable", &["a", "b"]).await;
    assert_eq!(text(&next(&mut channel).await), "a");
    assert_eq!(counts(&mut channel, "durable").await, (0, 1));
    channel.cancel("c").await;
    // What is not acknowledged still belongs to the channel, and goes with the queue.
    assert_eq!(counts(&mut channel, "durable").await, (0, 0));
    assert_eq!(
        channel.delete_queue("durable", Unless::Nothing).await,
        Ok(0)
    );
    // What is not there can be deleted.
    assert_eq!(
        channel.delete_queue("durable", Unless::Nothing).await,
        Ok(0)
    );
    channel.delete_exchange("nothing", false).await.unwrap();
    // A queue without a name gets one.
    let unnamed = Queue {
        exclusive: true,
        ..queue("")
    };
    let first = channel
        .declare_queue(unnamed, none::<ChannelOf<C>>())
        .await
        .unwrap();
    let second = channel
        .declare_queue(unnamed, none::<ChannelOf<C>>())
        .await
        .unwrap();
    assert!(first.name.starts_with("amq.gen-"), "{first:?}");
    assert_ne!(first.name, second.name);
    for kind in ["direct", "topic", "fanout", "headers", "match"] {
        let name = format!("amq.{kind}");
        let exchange = Exchange {
            name: &name,
            passive: true,
            ..Exchange::default()
        };
        channel.declare_exchange(exchange).await.unwrap();
    }
    client.close().await;
}

pub(super) async fn publishes_are_confirmed_and_those_without_a_queue_return<C: Client>(
    address: &Address,
) {
    let (client, mut channel) = opened::<C>(address).await;
    declare(&mut channel, "q").await;
    let mandatory = |queue, body| Outgoing {
        mandatory: true,
        ..to(queue, body)
    };
    assert_eq!(
        channel.publish(mandatory("q", "kept")).await,
        Outcome::Confirmed
    );
    let lost = Outcome::Returned(Returned {
        code: 312,
        text: "NO_ROUTE".to_owned(),
        exchange: String::new(),
        routing_key: "nothing".to_owned(),
        body: b"lost".to_vec(),
    });
    assert_eq!(channel.publish(mandatory("nothing", "lost")).await, lost);
    // Nobody wanted to know.
    assert_eq!(
        channel.publish(to("nothing", "lost")).await,
        Outcome::Confirmed
    );
    let mut persistent = mandatory("q", "persistent");
    persistent.properties.persistent = true;
    assert_eq!(channel.publish(persistent).await, Outcome::Confirmed);
    // A queue that is full says no.
    let arguments = ChannelOf::<C>::table(&[
        ("x-max-length", Value::Number(1)),
        ("x-overflow", Value::Text("reject-publish")),
    ]);
    channel
        .declare_queue(queue("full"), arguments)
        .await
        .unwrap();
    assert_eq!(
        channel.publish(to("full", "first")).await,
        Outcome::Confirmed
    );
    assert_eq!(channel.publish(to("full", "second")).await, Outcome::Nacked);
    assert_eq!(counts(&mut channel, "q").await.0, 2);
    assert_eq!(counts(&mut channel, "full").await.0, 1);
    client.close().await;
}

pub(super) async fn deliveries_are_settled_one_by_one_and_together<C: Client>(address: &Address) {
    let (client, mut channel) = opened::<C>(address).await;
    declare(&mut channel, "q").await;
    channel.consume("q", "c", How::default()).await.unwrap();
    send(&mut channel, "q", &["0", "1", "2", "3", "4", "5"]).await;
    for expected in 0_u8..6 {
        let delivery = next(&mut channel).await;
        assert_eq!(text(&delivery), expected.to_string());
        assert_eq!(delivery.tag, u64::from(expected) + 1);
        assert!(!delivery.redelivered);
    }
    channel.ack(2, true).await;
    channel.reject(3, false).await;
    channel.nack(4, false, false).await;
    // Both come again, in their old order.
    channel.nack(6, true, true).await;
    for (tag, expected) in [(7, "4"), (8, "5")] {
        let delivery = next(&mut channel).await;
        assert_eq!((delivery.tag, text(&delivery)), (tag, expected));
        assert!(delivery.redelivered);
    }
    channel.reject(7, true).await;
    let delivery = next(&mut channel).await;
    assert_eq!(
        (delivery.tag, text(&delivery), delivery.redelivered),
        (9, "4", true)
    );
    // Zero and `multiple` is all there is.
    channel.ack(0, true).await;
    channel.close().await;
    let mut channel = client.channel().await;
    assert_eq!(counts(&mut channel, "q").await, (0, 0));
    // Without acknowledgements there is nothing to settle.
    channel.select_confirms().await;
    let no_ack = How {
        no_ack: true,
        ..How::default()
    };
    channel.consume("q", "n", no_ack).await.unwrap();
    send(&mut channel, "q", &["a", "b"]).await;
    assert_eq!(text(&next(&mut channel).await), "a");
    assert_eq!(text(&next(&mut channel).await), "b");
    channel.close().await;
    let mut channel = client.channel().await;
    assert_eq!(counts(&mut channel, "q").await, (0, 0));
    client.close().await;
}

pub(super) async fn prefetch_bounds_what_is_not_acknowledged<C: Client>(address: &Address) {
    let (client, mut channel) = opened::<C>(address).await;
    declare(&mut channel, "q").await;
    channel.qos(2).await;
    channel.consume("q", "c", How::default()).await.unwrap();
    send(&mut channel, "q", &["0", "1", "2", "3", "4"]).await;
    assert_eq!(text(&next(&mut channel).await), "0");
    assert_eq!(text(&next(&mut channel).await), "1");
    // All that is not with the consumer is in the queue.
    assert_eq!(counts(&mut channel, "q").await, (3, 1));
    channel.ack(1, false).await;
    assert_eq!(text(&next(&mut channel).await), "2");
    assert_eq!(counts(&mut channel, "q").await, (2, 1));
    channel.ack(3, true).await;
    assert_eq!(text(&next(&mut channel).await), "3");
    assert_eq!(text(&next(&mut channel).await), "4");
    assert_eq!(counts(&mut channel, "q").await, (0, 1));
    client.close().await;
}

pub(super) async fn messages_are_fetched_with_the_count_of_those_left<C: Client>(
    address: &Address,
) {
    let (client, mut channel) = opened::<C>(address).await;
    declare(&mut channel, "q").await;
    assert!(channel.get("q").await.is_none());
    send(&mut channel, "q", &["a", "b", "c"]).await;
    for (tag, expected, left) in [(1, "a", 2), (2, "b", 1), (3, "c", 0)] {
        let (delivery, count) = channel.get("q").await.unwrap();
        assert_eq!(
            (delivery.tag, text(&delivery), count),
            (tag, expected, left)
        );
        assert!(!delivery.redelivered);
    }
    assert!(channel.get("q").await.is_none());
    channel.reject(2, true).await;
    let (delivery, left) = channel.get("q").await.unwrap();
    assert_eq!(
        (text(&delivery), delivery.redelivered, left),
        ("b", true, 0)
    );
    channel.ack(4, true).await;
    assert_eq!(counts(&mut channel, "q").await, (0, 0));
    client.close().await;
}

pub(super) async fn a_cancelled_consumer_leaves_messages_to_others<C: Client>(address: &Address) {
    let (client, mut channel) = opened::<C>(address).await;
    let mut other = client.channel().await;
    declare(&mut channel, "q").await;
    channel.consume("q", "c", How::default()).await.unwrap();
    send(&mut channel, "q", &["a"]).await;
    let first = next(&mut channel).await;
    channel.cancel("c").await;
    // Nothing waits when this one comes: a client may lose what comes right behind the answer to its request.
    other.consume("q", "c", How::default()).await.unwrap();
    send(&mut channel, "q", &["b"]).await;
    assert_eq!(text(&next(&mut other).await), "b");
    // What the first had is its own until it settles or leaves.
    channel.reject(first.tag, true).await;
    let again = next(&mut other).await;
    assert_eq!((text(&again), again.redelivered), ("a", true));
    other.ack(again.tag, true).await;
    assert_eq!(counts(&mut channel, "q").await, (0, 1));
    client.close().await;
}

pub(super) async fn a_deleted_queue_ends_its_consumers<C: Client>(address: &Address) {
    let (client, mut channel) = opened::<C>(address).await;
    let (_other_client, mut other) = opened::<C>(address).await;
    declare(&mut channel, "q").await;
    channel.consume("q", "c", How::default()).await.unwrap();
    send(&mut other, "q", &["a", "b"]).await;
    assert_eq!(text(&next(&mut channel).await), "a");
    assert_eq!(text(&next(&mut channel).await), "b");
    assert_eq!(other.delete_queue("q", Unless::Nothing).await, Ok(0));
    if !C::HEARS_OF_CANCELS {
        return;
    }
    assert_eq!(channel.next().await, None);
    // The channel goes on, and what went with its queue can still be settled.
    channel.ack(2, true).await;
    declare(&mut channel, "q").await;
    channel.consume("q", "d", How::default()).await.unwrap();
    assert_eq!(counts(&mut other, "q").await, (0, 1));
    client.close().await;
}

pub(super) async fn what_a_channel_leaves_unsettled_comes_again<C: Client>(address: &Address) {
    let (client, mut channel) = opened::<C>(address).await;
    declare(&mut channel, "q").await;
    send(&mut channel, "q", &["a", "b", "c"]).await;
    channel.get("q").await.unwrap();
    channel.get("q").await.unwrap();
    channel.ack(1, false).await;
    channel.close().await;
    let (second, mut channel) = opened::<C>(address).await;
    let (delivery, left) = channel.get("q").await.unwrap();
    assert_eq!(
        (text(&delivery), delivery.redelivered, left),
        ("b", true, 1)
    );
    let (delivery, left) = channel.get("q").await.unwrap();
    assert_eq!(
        (text(&delivery), delivery.redelivered, left),
        ("c", false, 0)
    );
    within("the end", second.close()).await;
    let mut channel = client.channel().await;
    assert_eq!(counts(&mut channel, "q").await, (2, 0));
    client.close().await;
}

pub(super) async fn exclusive_and_automatic_queues_go_with_their_owners<C: Client>(
    address: &Address,
) {
    let (owner, mut channel) = opened::<C>(address).await;
    let (client, mut other) = opened::<C>(address).await;
    let exclusive = Queue {
        exclusive: true,
        ..queue("mine")
    };
    channel
        .declare_queue(exclusive, none::<ChannelOf<C>>())
        .await
        .unwrap();
    let passive = Queue {
        passive: true,
        ..queue("mine")
    };
    let locked = format!(
        "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mine' in vhost '{}'. It could be \
         originally declared on another connection or the exclusive property value does not match that of the \
         original declaration.",
        address.vhost
    );
    let answer = other.declare_queue(passive, none::<ChannelOf<C>>()).await;
    assert_eq!(answer, Err(refused(405, &locked)));
    within("the end", owner.close()).await;
    let gone = format!("NOT_FOUND - no queue 'mine' in vhost '{}'", address.vhost);
    // Kept, as a client may close once more what the broker has closed when it is dropped.
    let mut refused_channels = Vec::new();
    let going = async {
        loop {
            let mut other = client.channel().await;
            let answer = other.declare_queue(passive, none::<ChannelOf<C>>()).await;
            refused_channels.push(other);
            // Not every client waits until the broker has answered its close.
            if !matches!(&answer, Err(still) if still.code == 405) {
                return answer;
            }
        }
    };
    assert_eq!(
        within("the queue's end", going).await,
        Err(refused(404, &gone))
    );

    let mut channel = client.channel().await;
    let mut other = client.channel().await;
    let automatic = Queue {
        auto_delete: true,
        ..queue("auto")
    };
    channel
        .declare_queue(automatic, none::<ChannelOf<C>>())
        .await
        .unwrap();
    let alone = How {
        exclusive: true,
        ..How::default()
    };
    channel.consume("auto", "c", alone).await.unwrap();
    let busy = format!(
        "ACCESS_REFUSED - queue 'auto' in vhost '{}' in exclusive use",
        address.vhost
    );
    let answer = other.consume("auto", "d", How::default()).await;
    assert_eq!(answer, Err(refused(403, &busy)));
    let mut other = client.channel().await;
    channel.cancel("c").await;
    let passive = Queue {
        passive: true,
        ..queue("auto")
    };
    let gone = format!("NOT_FOUND - no queue 'auto' in vhost '{}'", address.vhost);
    let answer = other.declare_queue(passive, none::<ChannelOf<C>>()).await;
    assert_eq!(answer, Err(refused(404, &gone)));
    // An exchange goes with its last binding.
    declare(&mut channel, "q").await;
    let automatic = Exchange {
        name: "auto",
        kind: "direct",
        auto_delete: true,
        ..Exchange::default()
    };
    channel.declare_exchange(automatic).await.unwrap();
    channel
        .bind_queue("q", "auto", "k", none::<ChannelOf<C>>())
        .await
        .unwrap();
    channel.unbind_queue("q", "auto", "k").await.unwrap();
    let passive = Exchange {
        passive: true,
        ..automatic
    };
    let gone = format!(
        "NOT_FOUND - no exchange 'auto' in vhost '{}'",
        address.vhost
    );
    let answer = channel.declare_exchange(passive).await;
    assert_eq!(answer, Err(refused(404, &gone)));
    client.close().await;
}

pub(super) async fn a_refusal_closes_its_channel_and_nothing_else<C: Client>(address: &Address) {
    let vhost = &address.vhost;
    let (client, mut witness) = opened::<C>(address).await;
    declare(&mut witness, "q").await;
    declare(&mut witness, "full").await;
    witness.consume("q", "w", How::default()).await.unwrap();
    send(&mut witness, "full", &["x"]).await;
    let direct = Exchange {
        name: "direct",
        kind: "direct",
        ..Exchange::default()
    };
    witness.declare_exchange(direct).await.unwrap();
    witness
        .bind_queue("q", "direct", "k", none::<ChannelOf<C>>())
        .await
        .unwrap();

    let mut answers = Vec::new();
    // Each on a channel of its own.
    macro_rules! refusal {
        (|$channel:ident| $answer:expr, $code:expr, $text:expr) => {
            let mut $channel = client.channel().await;
            $channel.select_confirms().await;
            let answer: Refused = $answer;
            assert_eq!(answer, refused($code, &$text));
            answers.push(answer.code);
            // The witness has noticed nothing.
            assert_eq!(
                witness.publish(to("q", "still here")).await,
                Outcome::Confirmed
            );
            let delivery = next(&mut witness).await;
            assert_eq!(text(&delivery), "still here");
            witness.ack(delivery.tag, false).await;
        };
    }
    let passive = Queue {
        passive: true,
        ..queue("none")
    };
    let no_queue = format!("NOT_FOUND - no queue 'none' in vhost '{vhost}'");
    let no_exchange = format!("NOT_FOUND - no exchange 'none' in vhost '{vhost}'");
    let nothing = none::<ChannelOf<C>>;
    refusal!(
        |channel| channel.declare_queue(passive, nothing()).await.unwrap_err(),
        404,
        no_queue
    );
    refusal!(
        |channel| channel.purge_queue("none").await.unwrap_err(),
        404,
        no_queue
    );
    refusal!(
        |channel| channel
            .consume("none", "c", How::default())
            .await
            .unwrap_err(),
        404,
        no_queue
    );
    refusal!(
        |channel| channel
            .bind_queue("none", "direct", "", nothing())
            .await
            .unwrap_err(),
        404,
        no_queue
    );
    refusal!(
        |channel| channel
            .bind_queue("q", "none", "", nothing())
            .await
            .unwrap_err(),
        404,
        no_exchange
    );
    refusal!(
        |channel| channel.publish_nowhere("none").await,
        404,
        no_exchange
    );
    let durable = Queue {
        durable: true,
        ..queue("q")
    };
    refusal!(
        |channel| channel.declare_queue(durable, nothing()).await.unwrap_err(),
        406,
        format!(
            "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '{vhost}': received 'true' but \
             current is 'false'"
        )
    );
    let limit = || ChannelOf::<C>::table(&[("x-max-length", Value::Number(5))]);
    refusal!(
        |channel| channel
            .declare_queue(queue("q"), limit())
            .await
            .unwrap_err(),
        406,
        format!(
            "PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue 'q' in vhost '{vhost}': received the \
             value '5' of type 'signedint' but current is none"
        )
    );
    let negative = || ChannelOf::<C>::table(&[("x-message-ttl", Value::Number(-1))]);
    refusal!(
        |channel| channel
            .declare_queue(queue("ttl"), negative())
            .await
            .unwrap_err(),
        406,
        format!(
            "PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue 'ttl' in vhost '{vhost}': \
             {{value_negative,-1}}"
        )
    );
    let topic = Exchange {
        kind: "topic",
        ..direct
    };
    refusal!(
        |channel| channel.declare_exchange(topic).await.unwrap_err(),
        406,
        format!(
            "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'direct' in vhost '{vhost}': received 'topic' \
             but current is 'direct'"
        )
    );
    let reserved = Exchange {
        name: "amq.mine",
        ..direct
    };
    refusal!(
        |channel| channel.declare_exchange(reserved).await.unwrap_err(),
        403,
        "ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'"
    );
    refusal!(
        |channel| channel.delete_exchange("direct", true).await.unwrap_err(),
        406,
        format!("PRECONDITION_FAILED - exchange 'direct' in vhost '{vhost}' in use")
    );
    refusal!(
        |channel| channel.delete_queue("q", Unless::Used).await.unwrap_err(),
        406,
        format!("PRECONDITION_FAILED - queue 'q' in vhost '{vhost}' in use")
    );
    refusal!(
        |channel| channel
            .delete_queue("full", Unless::Full)
            .await
            .unwrap_err(),
        406,
        format!("PRECONDITION_FAILED - queue 'full' in vhost '{vhost}' not empty")
    );
    refusal!(
        |channel| channel.ack_unknown(7).await,
        406,
        "PRECONDITION_FAILED - unknown delivery tag 7"
    );
    assert_eq!(answers.len(), 15);
    client.close().await;
}

pub(super) async fn bodies_of_any_size_arrive_whole<C: Client>(address: &Address) {
    let (client, mut channel) = opened::<C>(address).await;
    declare(&mut channel, "q").await;
    channel.consume("q", "c", How::default()).await.unwrap();
    // Around the sizes of frames, and several of them.
    let frame = 131_072 - 8;
    for size in [0, 1, frame - 1, frame, frame + 1, 2 * frame, 3_000_000] {
        let body: Vec<u8> = (0_u8..=250).cycle().take(size).collect();
        let mut message = to("q", "");
        message.body = &body;
        assert_eq!(channel.publish(message).await, Outcome::Confirmed);
        let delivery = next(&mut channel).await;
        assert!(
            delivery.body == body,
            "{size} became {}",
            delivery.body.len()
        );
        channel.ack(delivery.tag, false).await;
    }
    client.close().await;
}

pub(super) async fn properties_and_headers_of_every_type_come_back<C: Client>(address: &Address) {
    let (client, mut channel) = opened::<C>(address).await;
    declare(&mut channel, "q").await;
    let some = |text: &str| Some(text.to_owned());
    let properties = Properties {
        content_type: some("application/json"),
        content_encoding: some("utf-8"),
        headers: Some(ChannelOf::<C>::every_type()),
        persistent: true,
        priority: Some(7),
        correlation_id: some("correlation"),
        reply_to: some("replies"),
        expiration: some("600000"),
        message_id: some("id"),
        timestamp: Some(1_700_000_000),
        kind: some("kind"),
        // The broker compares it with who has logged in.
        user_id: Some(address.user.clone()),
        app_id: some("app"),
    };
    let message = Outgoing {
        properties: properties.clone(),
        ..to("q", "x")
    };
    assert_eq!(channel.publish(message).await, Outcome::Confirmed);
    let (got, _) = channel.get("q").await.unwrap();
    assert_eq!(got.properties, properties);
    // By delivery, and with nothing but the default.
    channel.consume("q", "c", How::default()).await.unwrap();
    send(&mut channel, "q", &["bare"]).await;
    assert_eq!(next(&mut channel).await.properties, Properties::default());
    channel.reject(got.tag, true).await;
    assert_eq!(next(&mut channel).await.properties, properties);
    client.close().await;
}

pub(super) async fn what_expires_or_is_refused_is_dead_lettered<C: Client>(address: &Address) {
    let (client, mut channel) = opened::<C>(address).await;
    declare(&mut channel, "dead").await;
    let arguments = ChannelOf::<C>::table(&[
        ("x-message-ttl", Value::Number(50)),
        ("x-dead-letter-exchange", Value::Text("")),
        ("x-dead-letter-routing-key", Value::Text("dead")),
    ]);
    channel.declare_queue(queue("q"), arguments).await.unwrap();
    channel.consume("dead", "d", How::default()).await.unwrap();
    send(&mut channel, "q", &["late"]).await;
    let late = next(&mut channel).await;
    assert_eq!(
        (
            text(&late),
            late.exchange.as_str(),
            late.routing_key.as_str()
        ),
        ("late", "", "dead")
    );
    assert!(late.properties.headers.is_some());
    // One of two, by its own expiration.
    let arguments = ChannelOf::<C>::table(&[
        ("x-dead-letter-exchange", Value::Text("")),
        ("x-dead-letter-routing-key", Value::Text("dead")),
    ]);
    channel
        .declare_queue(queue("slow"), arguments)
        .await
        .unwrap();
    let mut message = to("slow", "short");
    message.properties.expiration = Some("50".to_owned());
    assert_eq!(channel.publish(message).await, Outcome::Confirmed);
    let short = next(&mut channel).await;
    assert_eq!(text(&short), "short");
    assert_eq!(short.properties.expiration, None);
    send(&mut channel, "slow", &["unwanted"]).await;
    let (unwanted, _) = channel.get("slow").await.unwrap();
    channel.nack(unwanted.tag, false, false).await;
    assert_eq!(text(&next(&mut channel).await), "unwanted");
    client.close().await;
}

pub(super) async fn heartbeats_keep_an_idle_connection<C: Client>(address: &Address) {
    let client = C::connect(address, 1).await.unwrap();
    let mut channel = client.channel().await;
    declare(&mut channel, "q").await;
    // Either side gives the other up after two intervals of silence.
    tokio::time::sleep(Duration::from_millis(4500)).await;
    assert_eq!(counts(&mut channel, "q").await, (0, 0));
    within("the end", client.close()).await;
}
