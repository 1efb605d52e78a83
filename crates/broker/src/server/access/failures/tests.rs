use super::*;

fn address(last: u8) -> Option<IpAddr> {
    IpAddr::from([192, 0, 2, last]).into()
}

#[test]
fn each_failure_in_a_row_costs_more_up_to_a_bound() {
    let (mut failures, now) = (FailedLogins::default(), Instant::now());
    let costs: Vec<_> = (0..40)
        .map(|_| failures.failed(address(1), now).1.as_millis())
        .collect();
    assert_eq!(costs[..6], [100, 200, 400, 800, 1600, 3000]);
    assert_eq!(costs[39], 3000);
    assert_eq!(failures.total(), 40);
    assert_eq!(
        failures.failed(address(2), now),
        (1, FIRST),
        "others are not slowed"
    );
    let later = now + FORGOTTEN;
    assert_eq!(failures.failed(address(1), later), (1, FIRST));
}

#[test]
fn good_logins_wait_only_where_somebody_guesses() {
    let (mut failures, now) = (FailedLogins::default(), Instant::now());
    let loopback = Some(IpAddr::from([127, 0, 0, 1]));
    for _ in 0..SUSPICIOUS {
        assert_eq!(failures.good(address(1), now), Duration::ZERO);
        failures.failed(address(1), now);
        failures.failed(loopback, now);
        failures.failed(None, now);
    }
    assert_eq!(failures.good(address(1), now), LONGEST);
    assert_eq!(failures.good(address(2), now), Duration::ZERO);
    assert_eq!(failures.good(loopback, now), Duration::ZERO);
    assert_eq!(failures.good(None, now), Duration::ZERO);
    assert_eq!(failures.good(address(1), now + FORGOTTEN), Duration::ZERO);
}

#[test]
fn a_network_of_ipv6_is_one_origin() {
    let (mut failures, now) = (FailedLogins::default(), Instant::now());
    let address = |text: &str| Some(text.parse().unwrap());
    failures.failed(address("2001:db8::1"), now);
    assert_eq!(failures.failed(address("2001:db8::2"), now).0, 2);
    assert_eq!(failures.failed(address("2001:db8:0:1::2"), now).0, 1);
    failures.failed(address("::ffff:192.0.2.1"), now);
    assert_eq!(failures.failed(address("::ffff:192.0.2.2"), now).0, 1);
}

#[test]
fn memory_is_bounded() {
    let (mut failures, now) = (FailedLogins::default(), Instant::now());
    for number in 0..u32::try_from(4 * ORIGINS).unwrap() {
        let at = now + Duration::from_millis(number.into());
        failures.failed(Some(IpAddr::from(number.to_be_bytes())), at);
        assert!(failures.origins.len() <= ORIGINS);
    }
}
