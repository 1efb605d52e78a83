use std::sync::Arc;

use super::Running;
use crate::driver::Cancellation;
use crate::wire::Id;

#[test]
fn a_cancel_finds_its_request_until_that_has_ended() {
    let running = Arc::new(Running::default());
    let (id, cancellation) = (Id::new(), Cancellation::new());
    let other = Cancellation::new();
    let request = running.add(id, &cancellation);
    let _other = running.add(Id::new(), &other);
    assert!(running.cancel(id));
    assert!(cancellation.is_cancelled() && !other.is_cancelled());
    drop(request);
    assert!(!running.cancel(id));
}

#[test]
fn the_end_of_a_copy_leaves_the_other_alone() {
    let running = Arc::new(Running::default());
    let id = Id::new();
    let first = running.add(id, &Cancellation::new());
    let cancellation = Cancellation::new();
    let _second = running.add(id, &cancellation);
    drop(first);
    assert!(running.cancel(id) && cancellation.is_cancelled());
}
