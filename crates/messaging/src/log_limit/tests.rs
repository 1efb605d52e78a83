use super::*;

#[test]
fn one_line_a_minute_with_the_number_of_those_held_back() {
    let limit = LogLimit::new(LogLimit::MINUTE);
    let now = Instant::now();
    assert_eq!(limit.admit(now), Some(NonZeroU64::new(0)));
    assert_eq!(limit.admit(now + Duration::from_secs(1)), None);
    assert_eq!(limit.admit(now + Duration::from_secs(59)), None);
    assert_eq!(
        limit.admit(now + Duration::from_mins(1)),
        Some(NonZeroU64::new(2))
    );
}
