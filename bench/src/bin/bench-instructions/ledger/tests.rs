use super::*;

#[test]
fn digits_that_differ_from_run_to_run_are_not_kept() {
    let values = [0.0, 7.4, 123.4, 12_345.0, 98_765.0].map(three_digits);
    let expected = [0.0, 7.0, 123.0, 12_300.0, 98_800.0];
    assert!(
        values
            .iter()
            .zip(expected)
            .all(|(value, expected)| (value - expected).abs() < 1e-6),
        "{values:?}"
    );
}

#[test]
fn the_table_in_the_repository_can_be_read_and_has_every_section() {
    let kept = Ledger::kept().unwrap();
    for section in &SECTIONS {
        assert!(kept.counts(section.name).is_some(), "{}", section.name);
    }
}

#[test]
fn other_conditions_are_pointed_out() {
    let before = Ledger {
        rustc: "1".to_owned(),
        ..Ledger::default()
    };
    let now = Ledger {
        rustc: "2".to_owned(),
        valgrind: "3".to_owned(),
        ..Ledger::default()
    };
    assert_eq!(before.differences(&now), "rustc was 1, is 2\n");
}
