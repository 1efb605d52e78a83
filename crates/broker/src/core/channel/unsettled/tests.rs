use std::sync::Arc;

use bergen_amqp::codec::BasicProperties;
use bytes::Bytes;

use super::{Unsettled, UnsettledList};
use crate::core::{Message, Position, ids::QueueId, queue::Entry};

#[test]
fn tags_are_settled_in_any_order() {
    let mut list = list(1..=5);
    assert!(list.contains(3));
    assert_eq!(list.take(3).unwrap().tag, 3);
    assert!(!list.contains(3));
    assert!(list.take(3).is_none());
    assert_eq!(list.take(1).unwrap().tag, 1);
    assert_eq!(popped(&mut list, 4), [2, 4]);
    assert_eq!(list.len(), 1);
    assert_eq!(popped(&mut list, u64::MAX), [5]);
    assert_eq!(list.len(), 0);
}

#[test]
fn holes_do_not_pile_up() {
    let mut list = list(1..=1);
    for tag in 2..10_000 {
        list.push(unsettled(tag));
        assert!(list.take(tag).is_some());
    }
    assert_eq!(list.len(), 1);
    assert!(list.slots.len() < 100, "{}", list.slots.len());
    assert!(list.contains(1));
}

fn popped(list: &mut UnsettledList<Bytes>, tag: u64) -> Vec<u64> {
    std::iter::from_fn(|| list.pop_through(tag))
        .map(|unsettled| unsettled.tag)
        .collect()
}

fn list(tags: impl Iterator<Item = u64>) -> UnsettledList<Bytes> {
    let mut list = UnsettledList::new();
    for tag in tags {
        list.push(unsettled(tag));
    }
    list
}

fn unsettled(tag: u64) -> Unsettled<Bytes> {
    Unsettled {
        tag,
        queue: QueueId::test(0),
        consumer: None,
        entry: Entry {
            position: Position(tag),
            message: Arc::new(Message {
                exchange: "".into(),
                routing_key: "".into(),
                properties: BasicProperties::default(),
                body: Bytes::new(),
            }),
            expires: None,
            delivery_count: 0,
            cost: 0,
            priority: 0,
            redelivered: false,
            stored: false,
        },
    }
}
