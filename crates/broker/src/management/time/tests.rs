use super::iso;

#[test]
fn times_are_written_as_rabbitmq_does() {
    assert_eq!(iso(0), "1970-01-01T00:00:00.000+00:00");
    assert_eq!(iso(951_782_399_999), "2000-02-28T23:59:59.999+00:00");
    assert_eq!(iso(951_782_400_000), "2000-02-29T00:00:00.000+00:00");
    assert_eq!(iso(1_795_384_441_639), "2026-11-22T21:54:01.639+00:00");
}
