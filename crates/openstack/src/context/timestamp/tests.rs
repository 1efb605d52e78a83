use super::*;

#[test]
fn nova_has_six_digits_and_neutron_a_space() {
    let at = |text: &str| text.parse::<DateTime>().unwrap();
    let whole = at("2026-08-21T10:00:30Z");
    assert_eq!(nova(whole), "2026-08-21T10:00:30.000000");
    assert_eq!(neutron(whole), "2026-08-21 10:00:30");
    let part = at("2026-08-21T10:00:30.000005");
    assert_eq!(nova(part), "2026-08-21T10:00:30.000005");
    assert_eq!(neutron(part), "2026-08-21 10:00:30.000005");
}
