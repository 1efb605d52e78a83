use std::time::{Duration, UNIX_EPOCH};

use super::stamp;

#[test]
fn days_of_the_calendar() {
    for (seconds, expected) in [
        (0, "19700101000000"),
        (68_169_599, "19720228235959"),
        (68_169_600, "19720229000000"),
        (951_782_400, "20000229000000"),
        (1_709_251_199, "20240229235959"),
        (1_709_251_200, "20240301000000"),
        (1_735_689_599, "20241231235959"),
        (4_107_542_400, "21000301000000"),
    ] {
        assert_eq!(stamp(UNIX_EPOCH + Duration::from_secs(seconds)), expected);
    }
}
