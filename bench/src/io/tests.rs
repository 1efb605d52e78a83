use super::*;

#[test]
fn batching_is_what_shares_a_system_call() {
    let before = Io {
        reads: 1,
        ..Io::default()
    };
    let after = Io {
        reads: 5,
        writes: 2,
        frames_out: 12,
        frames_in: 30,
        deliveries: 8,
        publishes: 3,
    };
    let batching = (after - before).batching();
    let expected = Batching {
        frames_per_write: 6.0,
        deliveries_per_read: 2.0,
        syscalls_per_call: 0.75,
    };
    assert_eq!(batching, expected);
}

#[test]
fn nothing_done_is_no_division_by_zero() {
    assert_eq!(Io::default().batching(), Batching::default());
}
