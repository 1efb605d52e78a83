use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::StartRecord;

/// The starts, in milliseconds, of workers that are wanted at these times.
fn starts(workers: usize, pause: u64, wanted: &[u64]) -> Vec<u64> {
    let zero = Instant::now();
    let mut record = StartRecord::new(workers, Duration::from_millis(pause));
    let at = |milliseconds: &u64| zero + Duration::from_millis(*milliseconds);
    wanted
        .iter()
        .map(|wanted| {
            let start = record.next_start(at(wanted)).duration_since(zero);
            u64::try_from(start.as_millis()).unwrap()
        })
        .collect()
}

#[test]
fn one_start_more_than_workers_is_free_and_the_next_waits() {
    assert_eq!(starts(2, 1000, &[0, 0, 500, 500]), [0, 0, 500, 1500]);
    assert_eq!(starts(1, 1000, &[0, 100, 200]), [0, 100, 1200]);
}

#[test]
fn workers_that_live_long_enough_are_replaced_at_once() {
    assert_eq!(
        starts(2, 1000, &[0, 0, 2000, 2001, 4002, 4003]),
        [0, 0, 2000, 2001, 4002, 4003]
    );
    // Exactly a second for each worker is old enough.
    assert_eq!(starts(2, 1000, &[0, 0, 1, 2000]), [0, 0, 1, 2000]);
    assert_eq!(starts(2, 1000, &[0, 0, 1, 1999]), [0, 0, 1, 2999]);
}

#[test]
fn a_pause_holds_up_the_starts_behind_it() {
    // Three workers die together: the first waits, and the others are looked at when it has started.
    assert_eq!(
        starts(3, 1000, &[0, 0, 0, 100, 200, 200, 200]),
        [0, 0, 0, 100, 1200, 2200, 3200]
    );
}

#[test]
fn the_pause_is_configurable() {
    assert_eq!(starts(2, 5000, &[0, 0, 500, 500]), [0, 0, 500, 5500]);
    assert_eq!(starts(2, 0, &[0, 0, 500, 500]), [0, 0, 500, 500]);
}

#[test]
fn after_a_reload_all_start_at_once() {
    let now = Instant::now();
    let mut record = StartRecord::new(2, Duration::from_secs(1));
    for _ in 0..3 {
        assert_eq!(record.next_start(now), now);
    }
    record.clear();
    for _ in 0..3 {
        assert_eq!(record.next_start(now), now);
    }
    assert!(record.next_start(now) > now);
}

proptest! {
    /// However fast workers end, a start that is not free follows a pause, or the oldest on record is old enough.
    #[test]
    fn no_start_is_too_fast(workers in 1_usize..6, gaps in proptest::collection::vec(0_u64..400, 1..80)) {
        let mut wanted = Vec::new();
        let mut now = 0;
        for gap in gaps {
            now += gap;
            wanted.push(now);
        }
        let starts = starts(workers, 1000, &wanted);
        prop_assert!(starts.is_sorted());
        for (wanted, start) in wanted.iter().zip(&starts) {
            prop_assert!(start >= wanted);
        }
        for (place, start) in starts.iter().enumerate().skip(workers + 1) {
            let paused = start - starts[place - 1] >= 1000;
            let old_enough = start - starts[place - workers - 1] >= 1000 * workers as u64;
            prop_assert!(paused || old_enough, "{starts:?}");
        }
    }
}
