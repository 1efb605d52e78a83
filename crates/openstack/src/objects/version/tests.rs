use super::*;

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

#[test]
fn texts_of_two_and_three_parts_are_read_and_others_refused() {
    assert_eq!(version("1.22"), Version::new(1, 22));
    assert_eq!(version("1.22.1"), Version::new(1, 22).with_revision(1));
    assert_eq!(version("1.22.1").to_string(), "1.22.1");
    for text in [
        "",
        "1",
        "1.",
        "1.2.3.4",
        "+1.2",
        "1.x",
        "4294967296.0",
        " 1.2",
    ] {
        let error = text.parse::<Version>().unwrap_err();
        assert!(error.to_string().contains("X.Y"), "{text}: {error}");
    }
}

#[test]
fn a_class_reads_its_own_and_older_versions_and_cuts_a_third_part() {
    let class = version("1.22");
    for (wanted, read) in [
        ("1.22", Some("1.22")),
        ("1.0", Some("1.0")),
        ("1.21.5", Some("1.21.5")),
        ("1.22.1", Some("1.22")),
        ("1.23", None),
        ("1.23.1", None),
        ("2.0", None),
        ("0.9", None),
    ] {
        assert_eq!(class.reads(version(wanted)), read.map(version), "{wanted}");
    }
    assert_eq!(
        version("1.22.2").reads(version("1.22.1")),
        Some(version("1.22.1"))
    );
}
