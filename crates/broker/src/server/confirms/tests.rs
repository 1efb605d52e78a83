use super::{Confirm, Confirms};

fn flushed(confirms: &mut Confirms) -> Vec<(u64, bool, bool)> {
    let mut sent = Vec::new();
    confirms.flush(
        |Confirm {
             tag,
             multiple,
             taken,
         }| sent.push((tag, multiple, taken)),
    );
    sent
}

#[test]
fn a_turn_is_one_frame() {
    let mut confirms = Confirms::new();
    for _ in 0..3 {
        confirms.publish(Some(true));
    }
    assert_eq!(flushed(&mut confirms), [(3, true, true)]);
    assert_eq!(flushed(&mut confirms), []);
    confirms.publish(Some(true));
    assert_eq!(flushed(&mut confirms), [(4, false, true)]);
    assert_eq!(confirms.unconfirmed(), 0);
}

#[test]
fn what_is_not_on_the_disk_is_never_covered() {
    let mut confirms = Confirms::new();
    confirms.publish(Some(true));
    confirms.publish(None);
    confirms.publish(Some(true));
    confirms.publish(None);
    assert_eq!(flushed(&mut confirms), [(1, false, true), (3, false, true)]);
    assert_eq!(confirms.unconfirmed(), 3);
    confirms.settle(4, true);
    assert_eq!(flushed(&mut confirms), [(4, false, true)]);
    confirms.settle(2, true);
    confirms.publish(Some(true));
    // 3 and 4 are known; covering them again says nothing new.
    assert_eq!(flushed(&mut confirms), [(5, true, true)]);
    assert_eq!(confirms.unconfirmed(), 0);
}

#[test]
fn refusals_stand_by_themselves() {
    let mut confirms = Confirms::new();
    for taken in [true, true, false, false, true] {
        confirms.publish(Some(taken));
    }
    assert_eq!(
        flushed(&mut confirms),
        [(2, true, true), (4, true, false), (5, false, true)]
    );
}

#[test]
fn unknown_tags_are_ignored() {
    let mut confirms = Confirms::new();
    confirms.publish(None);
    confirms.settle(0, true);
    confirms.settle(2, true);
    confirms.settle(1, false);
    confirms.settle(1, true);
    assert_eq!(flushed(&mut confirms), [(1, false, false)]);
}
