use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn turn(took: Duration) -> Turn<'static> {
    Turn {
        name: "call",
        took,
        since_start: took,
    }
}

#[test]
fn a_fixed_interval_is_rounded_to_ten_milliseconds() {
    let mut pace = FixedInterval::new(SECOND, None);
    let mut after = |micros| pace.after(Some(()), &turn(Duration::from_micros(micros)));
    assert_eq!(after(0), Ok(SECOND));
    assert_eq!(after(4_999), Ok(SECOND));
    assert_eq!(after(5_001), Ok(Duration::from_millis(990)));
    assert_eq!(after(996_000), Ok(Duration::ZERO));
    assert_eq!(after(9_000_000), Ok(Duration::ZERO));
}

proptest! {
    /// The sequence of the contract, with bounds for the jitter: six deviations around its mean.
    #[test]
    fn a_back_off_stays_within_its_bounds(seed: u64) {
        let back_off = BackOff { timeout: Duration::ZERO, ..BackOff::default() };
        let mut pace = BackOffPace::new(back_off, fastrand::Rng::with_seed(seed));
        let mut interval = 1.0;
        for _ in 0..40 {
            let idle = pace.after(Some(false), &turn(Duration::ZERO)).unwrap();
            let bound = |jitter: f64| (interval * 2.0 * jitter).min(300.0);
            prop_assert!(idle.as_secs_f64() >= bound(0.15) - 1e-6, "{idle:?} of {interval}");
            prop_assert!(idle.as_secs_f64() <= bound(1.35) + 1e-6, "{idle:?} of {interval}");
            interval *= 1.5;
        }
        let success = pace.after(Some(true), &turn(Duration::ZERO)).unwrap().as_secs_f64();
        prop_assert!((0.15..=1.35).contains(&success));
        // The success has reset it.
        let idle = pace.after(None, &turn(Duration::ZERO)).unwrap().as_secs_f64();
        prop_assert!((0.3..=2.7).contains(&idle));
    }
}

#[test]
fn a_back_off_without_an_end_stays_at_its_maximum() {
    let back_off = BackOff {
        timeout: Duration::ZERO,
        ..BackOff::default()
    };
    let mut pace = BackOffPace::new(back_off, fastrand::Rng::with_seed(1));
    // More than it takes for the interval to become infinite.
    let last = (0..3000).map(|_| pace.after(Some(false), &turn(Duration::ZERO)));
    assert_eq!(last.last(), Some(Ok(back_off.max_interval)));
}

#[test]
fn the_jitter_is_normally_distributed() {
    const DRAWS: u32 = 10_000;
    let mut rng = fastrand::Rng::with_seed(4711);
    let draws: Vec<f64> = (0..DRAWS).map(|_| gauss(&mut rng, 0.75, 0.1)).collect();
    let mean = draws.iter().sum::<f64>() / f64::from(DRAWS);
    let squares = draws.iter().map(|draw| (draw - mean).powi(2));
    let deviation = (squares.sum::<f64>() / f64::from(DRAWS)).sqrt();
    assert!((mean - 0.75).abs() < 0.01, "{mean}");
    assert!((deviation - 0.1).abs() < 0.01, "{deviation}");
}
