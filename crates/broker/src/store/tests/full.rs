//! Disks that are full, nearly full, or refuse.

use super::disk::Disk;
use super::*;

#[test]
fn a_full_disk_refuses_publishes_and_takes_them_up_again() {
    let disk = Disk::default();
    let mut open = Open::new(&disk, calm());
    let ticket = open.batch([queue("q"), enqueued("q", 0, b"before")]);
    open.committed(ticket);
    let size = disk.size();

    disk.set_room(Some(50));
    let first = open.batch([enqueued("q", 1, &[1; 500])]);
    // First, so that who is refused and tries again is stopped.
    let StoreEvent::Blocked { reason: blocked } = open.event() else {
        panic!()
    };
    let StoreEvent::Failed {
        first: from,
        last: to,
        reason,
    } = open.event()
    else {
        panic!()
    };
    assert_eq!((from, to), (first, first));
    assert!(reason.starts_with("disk full: /disk"), "{reason}");
    assert_eq!(reason, blocked);
    // The half that was written was given back.
    assert_eq!(disk.size(), size);

    // While it is full nothing is confirmed, and nobody waits.
    let second = open.batch([enqueued("q", 2, b"second"), removed("q", [0])]);
    let StoreEvent::Failed { first: from, .. } = open.event() else {
        panic!()
    };
    assert_eq!(from, second);
    assert!(open.store.in_flight() > 0);

    disk.set_room(None);
    assert_eq!(open.event(), StoreEvent::Unblocked);
    assert_eq!(open.store.in_flight(), 0);
    let third = open.batch([enqueued("q", 3, b"third")]);
    assert_eq!(open.event(), StoreEvent::Committed(third));
    open.store.close().unwrap();

    // The disk follows the memory of the broker, which had all of it.
    let open = Open::new(&disk, calm());
    assert_eq!(open.report.torn, None);
    assert_eq!(
        bodies(&open.changes, "q"),
        [&[1; 500][..], b"second", b"third"]
    );
}

#[test]
fn a_store_that_ends_while_the_disk_is_full_says_so() {
    let disk = Disk::default();
    let mut open = Open::new(&disk, calm());
    let ticket = open.batch([queue("q"), enqueued("q", 0, b"before")]);
    open.committed(ticket);
    disk.set_room(Some(0));
    open.batch([enqueued("q", 1, b"lost")]);
    assert!(matches!(open.event(), StoreEvent::Blocked { .. }));
    assert!(matches!(open.event(), StoreEvent::Failed { .. }));
    let error = open.store.close().unwrap_err();
    assert!(
        matches!(error, StoreError::NotWritten { batches: 1, .. }),
        "{error}"
    );
    disk.set_room(None);
    assert_eq!(bodies(&Open::new(&disk, calm()).changes, "q"), ["before"]);
}

#[test]
fn a_sync_that_fails_confirms_nothing() {
    let disk = Disk::default();
    let mut open = Open::new(
        &disk,
        StoreOptions {
            retry: Duration::from_millis(200),
            ..calm()
        },
    );
    let ticket = open.batch([queue("q")]);
    open.committed(ticket);
    disk.fail_syncs(1);
    let failed = open.batch([enqueued("q", 1, b"body")]);
    assert!(matches!(open.event(), StoreEvent::Blocked { .. }));
    let StoreEvent::Failed { first, reason, .. } = open.event() else {
        panic!()
    };
    assert_eq!(first, failed);
    assert!(reason.contains("the disk says no"), "{reason}");
    assert_eq!(open.event(), StoreEvent::Unblocked);
    drop(open);
    assert_eq!(bodies(&Open::new(&disk, calm()).changes, "q"), ["body"]);
}

#[test]
fn little_room_blocks_publishers_before_a_write_fails() {
    let disk = Disk::default();
    let options = StoreOptions {
        disk_free_limit: 10_000,
        ..calm()
    };
    disk.set_room(Some(9_000));
    let mut open = Open::new(&disk, options);
    let StoreEvent::Blocked { reason } = open.event() else {
        panic!()
    };
    assert!(reason.starts_with("low on disk: /disk"), "{reason}");
    // What must be written still is: acknowledgements make room.
    let ticket = open.batch([queue("q")]);
    assert_eq!(open.event(), StoreEvent::Committed(ticket));
    disk.set_room(Some(100_000));
    let ticket = open.batch([queue("r")]);
    let mut events = [open.event(), open.event()];
    events.sort_by_key(|event| matches!(event, StoreEvent::Unblocked));
    assert_eq!(
        events,
        [StoreEvent::Committed(ticket), StoreEvent::Unblocked]
    );
}

/// Room that is too small for what compaction writes, while all else goes on.
#[test]
fn a_disk_that_fills_at_random_loses_nothing_that_was_committed() {
    let mut failed = 0;
    for seed in 0..20 {
        let mut random = fastrand::Rng::with_seed(seed);
        let disk = Disk::default();
        let mut open = Open::new(&disk, options());
        open.batch([queue("q")]);
        for position in 0..300 {
            if random.u8(..10) == 0 {
                disk.set_room(Some(random.u64(..3_000)));
            } else if random.u8(..4) == 0 {
                disk.set_room(None);
            }
            let mut last = open.batch([enqueued("q", position, &position.to_be_bytes())]);
            if position % 3 > 0 {
                last = open.batch([removed("q", [position - 1])]);
            }
            if random.bool() {
                failed += u32::from(!open.settled(last));
            }
        }
        disk.set_room(None);
        open.store.close().unwrap();
        let kept: Vec<_> = (0..300_u64)
            .filter(|position| position % 3 == 2 || *position == 299)
            .collect();
        let open = Open::new(&disk, options());
        let found: Vec<_> = bodies(&open.changes, "q")
            .iter()
            .map(|body| u64::from_be_bytes(body.as_ref().try_into().unwrap()))
            .collect();
        assert_eq!(found, kept, "seed {seed}");
    }
    assert!(failed > 100, "only {failed} batches met a full disk");
}
