use super::*;

#[test]
fn times_stand_below_each_other() {
    assert_eq!(time(Duration::from_micros(412)), "  0.41 ms");
    assert_eq!(time(Duration::from_millis(301)), "   301 ms");
}
