use super::*;

fn seconds(backoff: &mut Backoff, count: usize) -> Vec<u64> {
    (0..count)
        .map(|_| {
            let nominal = backoff.nominal();
            backoff.next_pause(&mut fastrand::Rng::with_seed(7));
            nominal.as_secs()
        })
        .collect()
}

#[test]
fn pauses_grow_as_the_peers_do_and_stop_at_the_maximum() {
    let mut backoff = BackoffPolicy::default().pauses();
    let nominal = seconds(&mut backoff, 17);
    assert_eq!(nominal[..6], [1, 3, 5, 7, 9, 11]);
    assert_eq!(nominal[14..], [29, 30, 30]);
}

#[test]
fn every_pause_is_jittered_inside_its_upper_half() {
    let mut random = fastrand::Rng::with_seed(1);
    let first: Vec<Duration> = (0..200)
        .map(|_| BackoffPolicy::default().pauses().next_pause(&mut random))
        .collect();
    assert!(
        first
            .iter()
            .all(|pause| (500..=1000).contains(&pause.as_millis()))
    );
    let spread = first
        .iter()
        .max()
        .unwrap()
        .abs_diff(*first.iter().min().unwrap());
    assert!(spread > Duration::from_millis(300), "no jitter: {spread:?}");
}

#[test]
fn a_lost_connection_comes_back_inside_the_reconnect_delay() {
    let mut random = fastrand::Rng::with_seed(2);
    let policy = BackoffPolicy::default();
    assert!((0..100).all(|_| policy.after_loss(&mut random) <= Duration::from_secs(1)));
}

#[test]
fn an_endless_outage_does_not_overflow() {
    let mut backoff = BackoffPolicy {
        step: Duration::MAX,
        ..BackoffPolicy::default()
    }
    .pauses();
    backoff.taken = u32::MAX;
    assert!(backoff.next_pause(&mut fastrand::Rng::with_seed(3)) <= Duration::from_secs(30));
}
