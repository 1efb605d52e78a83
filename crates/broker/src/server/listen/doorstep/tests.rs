use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::*;

fn is_expelled(place: &mut Place) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    pin!(place.expelled()).poll(&mut context) == Poll::Ready(())
}

#[test]
fn who_waits_longest_makes_room() {
    let doorstep = Doorstep::new(2);
    let mut first = doorstep.enter();
    let mut second = doorstep.enter();
    assert!(!is_expelled(&mut first));
    let mut third = doorstep.enter();
    assert!(is_expelled(&mut first));
    assert!(!is_expelled(&mut second) && !is_expelled(&mut third));
    assert_eq!((doorstep.len(), doorstep.expelled()), (2, 1));
    drop(first);
    assert_eq!(doorstep.len(), 2);
}

#[test]
fn who_logs_in_leaves_room() {
    let doorstep = Doorstep::new(2);
    let mut first = doorstep.enter();
    for _ in 0..100 {
        drop(doorstep.enter());
    }
    assert!(!is_expelled(&mut first));
    assert_eq!((doorstep.len(), doorstep.expelled()), (1, 0));
    drop(first);
    assert!(doorstep.is_empty());
}
