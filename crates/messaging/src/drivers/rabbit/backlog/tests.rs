use super::*;

#[test]
fn what_does_not_fit_is_refused_and_what_left_makes_room() {
    let backlog = Backlog::new(3 * (Backlog::OVERHEAD + 100));
    let places: Vec<_> = (0..3).map(|_| backlog.admit(100).unwrap()).collect();
    let limit = backlog.limit;
    assert_eq!(
        backlog.admit(0).unwrap_err(),
        SendError::Overloaded(Bound::WaitingBytes(limit))
    );
    drop(places);
    backlog.admit(100).unwrap();
    assert_eq!(backlog.waiting.load(Ordering::Relaxed), 0);
}

#[test]
fn a_message_larger_than_all_goes_alone() {
    let backlog = Backlog::new(1);
    let large = backlog.admit(1 << 30).unwrap();
    backlog.admit(0).unwrap_err();
    drop(large);
    let _small = backlog.admit(0).unwrap();
    backlog.admit(1 << 30).unwrap_err();
}
