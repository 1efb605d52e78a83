use super::BackdoorPorts;

#[test]
fn the_rules_of_the_peer() {
    for (text, first, count) in [
        ("0", 0, 1),
        ("4444", 4444, 1),
        ("4444:4446", 4444, 3),
        ("4444:4444", 4444, 1),
        (" 10 : 11 ", 10, 2),
        ("65535", 65_535, 1),
    ] {
        let ports: BackdoorPorts = text.parse().unwrap();
        assert_eq!(ports.candidates().next(), Some(first), "{text}");
        assert_eq!(ports.candidates().count(), count, "{text}");
    }
}

#[test]
fn other_texts_are_an_error_that_says_the_way_out() {
    for text in ["", "x", "-1", "65536", "5:4", "1:", ":1", "1:2:3", "1-2"] {
        let error = text.parse::<BackdoorPorts>().unwrap_err().to_string();
        assert!(
            error.contains("start:end") && error.contains(text),
            "{error}"
        );
    }
}
