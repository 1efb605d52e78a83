use std::sync::Arc;

use bergen_amqp::codec::{BasicProperties, FieldTable, FieldValue};
use bytes::Bytes;

use super::{Reason, is_cycle, letter};
use crate::core::Message;

fn message(headers: Option<FieldTable<'static>>) -> Message {
    Message {
        exchange: "e".into(),
        routing_key: "k".into(),
        properties: BasicProperties {
            headers,
            ..BasicProperties::default()
        },
        body: Bytes::new(),
    }
}

fn dies(message: &Message, queue: &str, reason: Reason) -> Message {
    let exchange: Arc<str> = "dlx".into();
    letter(message, queue, reason, &exchange, None, 7)
}

#[test]
fn the_latest_death_stands_first() {
    let mut message = message(None);
    for (queue, reason) in [
        ("a", Reason::Expired),
        ("b", Reason::MaxLen),
        ("a", Reason::Expired),
    ] {
        message = dies(&message, queue, reason);
    }
    let headers = message.properties.headers.as_ref().unwrap();
    let deaths = headers.get("x-death").unwrap().as_array().unwrap();
    let told: Vec<_> = deaths
        .iter()
        .map(|death| {
            let death = death.as_table().unwrap();
            (
                death.get("queue").unwrap().as_str().unwrap(),
                death.get("count").unwrap().as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, [("a", 2), ("b", 1)]);
    assert_eq!(
        headers.get("x-first-death-queue").unwrap().as_str(),
        Some("a")
    );
    assert_eq!(
        headers.get("x-first-death-exchange").unwrap().as_str(),
        Some("e")
    );
}

#[test]
fn a_circle_is_one_that_nobody_had_a_hand_in() {
    let expired = dies(&message(None), "a", Reason::Expired);
    assert!(is_cycle(&expired, "a"));
    assert!(!is_cycle(&expired, "b"));
    let by_way_of_b = dies(&expired, "b", Reason::MaxLen);
    assert!(is_cycle(&by_way_of_b, "a"));
    let rejected = dies(&expired, "b", Reason::Rejected);
    assert!(!is_cycle(&rejected, "a"));
    assert!(!is_cycle(&rejected, "b"));
}

#[test]
fn headers_that_clients_made_up_do_no_harm() {
    for deaths in [
        FieldValue::from("text"),
        FieldValue::Array(vec![1.into(), "x".into()]),
        FieldValue::Array(vec![FieldValue::Table(FieldTable::new())]),
    ] {
        let strange = message(Some(FieldTable::new().with("x-death", deaths)));
        let letter = dies(&strange, "a", Reason::Expired);
        is_cycle(&letter, "a");
        let headers = letter.properties.headers.unwrap();
        assert!(headers.get("x-death").unwrap().as_array().is_some());
    }
}
