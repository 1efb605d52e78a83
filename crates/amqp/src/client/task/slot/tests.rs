use super::*;

fn unsettled() -> Unsettled {
    Unsettled {
        outcome: oneshot::channel().0,
        weight: 1,
    }
}

#[test]
fn confirms_out_of_order_shrink_the_ring_from_its_front() {
    let mut ring = Unconfirmed::default();
    for tag in 1..=4 {
        ring.push(tag, unsettled());
    }

    assert!(ring.settle(3).is_some());
    assert!(ring.settle(2).is_some());
    assert_eq!(ring.ring.len(), 4);
    assert!(ring.settle(1).is_some());
    assert_eq!(ring.ring.len(), 1);

    assert!(ring.settle(4).is_some());
    ring.push(5, unsettled());
    assert!(ring.settle(5).is_some());
}

#[test]
fn unknown_and_repeated_tags_settle_nothing() {
    let mut ring = Unconfirmed::default();
    ring.push(7, unsettled());
    ring.push(8, unsettled());

    for tag in [0, 6, 9, u64::MAX] {
        assert!(ring.settle(tag).is_none(), "{tag}");
    }
    assert!(ring.settle(8).is_some());
    assert!(ring.settle(8).is_none());
}
