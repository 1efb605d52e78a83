use super::*;

fn at(second: i64) -> DateTime {
    DateTime::from_unix_micros(second * 1_000_000).unwrap()
}

fn service(created: i64, seen: Option<i64>, forced_down: bool) -> Service {
    let mut service = Service::default();
    service.created_at.set(Some(at(created)));
    service.last_seen_up.set(seen.map(at));
    service.forced_down.set(forced_down);
    service
}

#[test]
fn a_service_is_up_for_the_down_time_after_it_was_seen() {
    let driver = DbDriver::new(&NovaSettings::default());
    let seen = service(0, Some(1000), false);
    for (now, up) in [
        (1000, true),
        (1060, true),
        (1061, false),
        (940, true),
        (939, false),
    ] {
        assert_eq!(driver.is_up_at(&seen, at(now)), up, "{now}");
    }
    let new = service(1000, None, false);
    assert!(driver.is_up_at(&new, at(1060)));
    assert!(!driver.is_up_at(&new, at(1061)));
    assert!(!driver.is_up_at(&Service::default(), at(1000)));
}

#[test]
fn one_that_is_forced_down_is_down() {
    let driver = DbDriver::new(&NovaSettings::default());
    assert!(!driver.is_up_at(&service(0, Some(1000), true), at(1000)));
}
