use bergen_amqp::codec::{BasicProperties, FieldTable, FieldValue};

use super::{Bench, START, expiring};
use crate::core::{Extra, Message};

/// The last dead letter in `dead`, which is taken.
fn letter(bench: &mut Bench) -> Message {
    let got = bench.get("dead").expect("a dead letter");
    let message = Message::clone(&got.message);
    bench.ack(got.delivery_tag);
    message
}

fn to_dead(
    more: &[(&'static str, FieldValue<'static>)],
) -> Vec<(&'static str, FieldValue<'static>)> {
    let mut arguments = vec![
        ("x-dead-letter-exchange", "".into()),
        ("x-dead-letter-routing-key", "dead".into()),
    ];
    arguments.extend_from_slice(more);
    arguments
}

fn headers(message: &Message) -> &FieldTable<'static> {
    message.properties.headers.as_ref().unwrap()
}

fn first_death(message: &Message) -> &FieldTable<'static> {
    headers(message).get("x-death").unwrap().as_array().unwrap()[0]
        .as_table()
        .unwrap()
}

fn field<'a>(table: &'a FieldTable<'static>, name: &str) -> &'a str {
    table.get(name).unwrap().as_str().unwrap()
}

#[test]
fn a_rejected_message_tells_how_it_died() {
    let mut bench = Bench::new();
    bench.declare("dead", &[]);
    bench.declare("q", &to_dead(&[]));
    bench.publish("q", "x");
    bench.get("q").unwrap();
    bench.pass(2000);
    bench.reject(1);
    let letter = letter(&mut bench);
    assert_eq!(letter.body, "x");
    assert_eq!((&*letter.exchange, &*letter.routing_key), ("", "dead"));
    // As RabbitMQ writes it, order and types included.
    let death = FieldTable::new()
        .with("count", FieldValue::I64(1))
        .with("reason", "rejected")
        .with("queue", "q")
        .with("time", FieldValue::Timestamp(START + 2))
        .with("exchange", "")
        .with("routing-keys", vec![FieldValue::from("q")]);
    let expected = FieldTable::new()
        .with("x-death", vec![FieldValue::Table(death)])
        .with("x-first-death-exchange", "")
        .with("x-first-death-queue", "q")
        .with("x-first-death-reason", "rejected");
    assert_eq!(headers(&letter), &expected);
}

#[test]
fn the_same_death_again_is_counted() {
    let mut bench = Bench::new();
    bench.declare("dead", &[]);
    bench.declare("q", &to_dead(&[]));
    bench.bind("q", "amq.direct", "k");
    bench.publish("q", "x");
    bench.get("q").unwrap();
    bench.reject(1);
    let first = letter(&mut bench);
    bench
        .publish_to("amq.direct", "k", "x", first.properties.clone())
        .unwrap();
    let tag = bench.get("q").unwrap().delivery_tag;
    bench.pass(5000);
    bench.reject(tag);
    let second = letter(&mut bench);
    let deaths = headers(&second).get("x-death").unwrap().as_array().unwrap();
    assert_eq!(deaths.len(), 1);
    let names: Vec<_> = first_death(&second).iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "count",
            "exchange",
            "queue",
            "reason",
            "routing-keys",
            "time"
        ]
    );
    assert_eq!(first_death(&second).get("count"), Some(&FieldValue::I64(2)));
    // The rest is that of the first time.
    assert_eq!(
        first_death(&second).get("time"),
        Some(&FieldValue::Timestamp(START))
    );
    assert_eq!(field(first_death(&second), "exchange"), "");
}

#[test]
fn an_expired_message_loses_its_expiration_and_its_copies() {
    let mut bench = Bench::new();
    bench.declare("dead", &[]);
    bench.declare("q", &to_dead(&[]));
    let properties = BasicProperties {
        headers: Some(
            FieldTable::new()
                .with("h", 1)
                .with("CC", vec![FieldValue::from("cc1")]),
        ),
        ..expiring("10")
    };
    bench.publish_with("q", "x", properties);
    assert_eq!(bench.counts("dead").0, 0);
    bench.pass(10);
    let letter = letter(&mut bench);
    assert_eq!(letter.properties.expiration, None);
    let death = first_death(&letter);
    assert_eq!(field(death, "reason"), "expired");
    assert_eq!(field(death, "original-expiration"), "10");
    assert_eq!(
        death.get("routing-keys").unwrap().as_array().unwrap(),
        [FieldValue::from("q"), FieldValue::from("cc1")]
    );
    assert!(headers(&letter).contains_key("h"));
    assert!(!headers(&letter).contains_key("CC"));
}

#[test]
fn without_a_key_of_its_own_a_letter_keeps_the_old_one() {
    let mut bench = Bench::new();
    bench.declare_exchange("dlx", "topic");
    bench.declare("dead", &[]);
    bench.bind("dead", "dlx", "q");
    bench.declare("q", &[("x-dead-letter-exchange", "dlx".into())]);
    bench.publish("q", "x");
    bench.get("q").unwrap();
    bench.reject(1);
    let letter = letter(&mut bench);
    assert_eq!((&*letter.exchange, &*letter.routing_key), ("dlx", "q"));
}

#[test]
fn without_an_exchange_the_letter_is_lost() {
    let mut bench = Bench::new();
    bench.declare("q", &[("x-dead-letter-exchange", "nox".into())]);
    bench.declare("r", &[]);
    for name in ["q", "r"] {
        bench.publish(name, "x");
        let tag = bench.get(name).unwrap().delivery_tag;
        bench.reject(tag);
    }
    assert_eq!(bench.host.message_bytes(), 0);
}

#[test]
fn letters_do_not_go_in_circles_by_themselves() {
    let mut bench = Bench::new();
    // To itself.
    bench.declare(
        "q",
        &[
            ("x-dead-letter-exchange", "".into()),
            ("x-message-ttl", 50.into()),
        ],
    );
    bench.publish("q", "x");
    bench.pass(1000);
    assert_eq!(bench.counts("q").0, 0);
    // To each other.
    for (name, other) in [("a", "b"), ("b", "a")] {
        bench.declare(
            name,
            &[
                ("x-dead-letter-exchange", "".into()),
                ("x-dead-letter-routing-key", other.into()),
                ("x-message-ttl", 50.into()),
            ],
        );
    }
    bench.publish("a", "x");
    bench.pass(75);
    assert_eq!((bench.counts("a").0, bench.counts("b").0), (0, 1));
    bench.pass(1000);
    assert_eq!((bench.counts("a").0, bench.counts("b").0), (0, 0));
    assert_eq!(bench.host.message_bytes(), 0);
}

#[test]
fn a_circle_that_somebody_keeps_going_goes_on() {
    let mut bench = Bench::new();
    bench.declare(
        "work",
        &[
            ("x-dead-letter-exchange", "".into()),
            ("x-dead-letter-routing-key", "wait".into()),
        ],
    );
    bench.declare(
        "wait",
        &[
            ("x-dead-letter-exchange", "".into()),
            ("x-dead-letter-routing-key", "work".into()),
            ("x-message-ttl", 50.into()),
        ],
    );
    bench.publish("work", "x");
    for round in 1..=5 {
        let got = bench.get("work").unwrap();
        bench.reject(got.delivery_tag);
        bench.pass(50);
        assert_eq!(bench.counts("work").0, 1, "round {round}");
    }
    let last = bench.get("work").unwrap();
    assert_eq!(
        first_death(&last.message).get("count"),
        Some(&FieldValue::I64(5))
    );
}

#[test]
fn too_many_returns_are_a_death() {
    let mut bench = Bench::new();
    bench.declare("dead", &[]);
    bench.declare_durable(
        "q",
        &to_dead(&[
            ("x-queue-type", "quorum".into()),
            ("x-delivery-limit", 2.into()),
        ]),
    );
    bench.publish("q", "x");
    bench.publish("q", "y");
    for count in 0..=2 {
        let got = bench.get("q").unwrap();
        assert_eq!(got.message.body, "x");
        assert_eq!(got.extra, Some(Extra::DeliveryCount(count)));
        assert_eq!(got.redelivered, count > 0);
        bench.requeue(got.delivery_tag);
    }
    assert_eq!(bench.get("q").unwrap().message.body, "y");
    let letter = letter(&mut bench);
    assert_eq!(letter.body, "x");
    assert_eq!(field(first_death(&letter), "reason"), "delivery_limit");
    assert_eq!(bench.host.queue("q").unwrap().counters.delivery_limit, 1);
}

#[test]
fn letters_reach_waiting_consumers_at_once() {
    let mut bench = Bench::new();
    bench.declare("dead", &[]);
    bench.declare("q", &to_dead(&[("x-message-ttl", 10.into())]));
    bench.consume("dead", "undertaker");
    bench.publish("q", "x");
    bench.pass(10);
    assert_eq!(
        bench.delivered(),
        [("undertaker".to_owned(), "x".to_owned())]
    );
}

#[test]
fn letters_between_many_queues_do_not_stop_the_broker() {
    let mut bench = Bench::new();
    bench.declare_exchange("dlx", "fanout");
    // Each message dies at once in each of them and goes to all the others: there are more ways than anybody can go.
    for number in 0..20 {
        let name = number.to_string();
        bench.declare(
            &name,
            &[
                ("x-max-length", 0.into()),
                ("x-dead-letter-exchange", "dlx".into()),
            ],
        );
        bench.bind(&name, "dlx", "");
    }
    bench.publish("0", "x");
    for _ in 0..10 {
        assert_eq!(bench.host.poll_timeout(), Some(bench.now));
        bench.host.handle_timeout(bench.now);
        bench.poll();
    }
    assert!(
        bench.host.dying.len() < 20 * 20,
        "{}",
        bench.host.dying.len()
    );
    // Others are served meanwhile.
    bench.declare("q", &[]);
    bench.publish("q", "y");
    assert_eq!(bench.drain("q"), ["y"]);
}

#[test]
fn letters_keep_their_order() {
    let mut bench = Bench::new();
    bench.declare("dead", &[]);
    bench.declare("q", &to_dead(&[("x-message-ttl", 10.into())]));
    let all: Vec<_> = (0..2500).map(|number| number.to_string()).collect();
    for body in &all {
        bench.publish("q", body);
    }
    bench.pass(10);
    assert_eq!(bench.drain("dead"), all);
}
