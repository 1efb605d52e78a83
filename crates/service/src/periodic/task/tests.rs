use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Never early, at most a twentieth late, on whole seconds past a point of the grid.
    #[test]
    fn the_next_run_counts_from_the_grid(spacing in 1u64..7200, late in 0u64..100_000, random in 0.0..1.0f64) {
        let start = Instant::now();
        let task = PeriodicTask::new("task", |(): ()| async { Ok(()) });
        let task = task.spacing(Duration::from_secs(spacing));
        let mut task = task.declare(start).ok().unwrap();
        let now = start + Duration::from_secs(spacing + late);
        prop_assert_eq!(task.left(now), Duration::ZERO);
        task.ran(now, random);
        let LastRun::At(last_run) = task.last_run else { panic!("it ran") };
        let since_start = (last_run - start).as_nanos();
        let second = 1_000_000_000;
        prop_assert_eq!(since_start % second, 0);
        let grid = (spacing + late) / spacing * spacing;
        let jitter = since_start / second - u128::from(grid);
        prop_assert!(jitter * 20 <= u128::from(spacing), "{jitter} of {spacing}");
        if spacing < 20 {
            prop_assert_eq!(jitter, 0);
        }
    }
}

#[test]
fn the_jitter_reaches_its_bounds() {
    let hour = Duration::from_hours(1);
    assert_eq!(jitter(hour, 0.0), Duration::ZERO);
    assert_eq!(jitter(hour, 0.5), Duration::from_secs(90));
    assert_eq!(jitter(hour, 0.9999), Duration::from_secs(179));
    assert_eq!(jitter(Duration::from_secs(19), 0.9999), Duration::ZERO);
}
