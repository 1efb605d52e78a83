use std::time::Duration;

use tokio::time::Instant;

use super::Abandoned;
use crate::wire::Id;

#[test]
fn an_abandoned_call_is_known_once() {
    let now = Instant::now();
    let mut abandoned = Abandoned::default();
    let id = Id::new();
    abandoned.insert(id, now + Duration::from_secs(1), now);
    assert!(!abandoned.take(Id::new()));
    assert!(abandoned.take(id));
    assert!(!abandoned.take(id));
}

#[test]
fn the_memory_is_bounded_and_forgets_what_is_over() {
    let now = Instant::now();
    let (soon, late) = (now + Duration::from_secs(1), now + Duration::from_hours(1));
    let mut abandoned = Abandoned::default();
    let first = Id::new();
    abandoned.insert(first, late, now);
    for _ in 0..2 * Abandoned::CAPACITY {
        abandoned.insert(Id::new(), soon, now);
    }
    assert_eq!(abandoned.by_age.len(), Abandoned::CAPACITY);
    assert_eq!(abandoned.until.len(), Abandoned::CAPACITY);
    assert!(!abandoned.take(first), "the oldest made room");
    abandoned.insert(Id::new(), late, soon);
    assert_eq!((abandoned.by_age.len(), abandoned.until.len()), (1, 1));
}
