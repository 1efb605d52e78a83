use super::*;

#[test]
fn values_are_shown_as_python_shows_them() {
    for (number, shown) in [
        (1.0, "1.0"),
        (0.1, "0.1"),
        (1e16, "1e+16"),
        (1.5e-7, "1.5e-07"),
        (-1e300, "-1e+300"),
    ] {
        assert_eq!(Value::Float(number).to_string(), shown);
    }
    let texts = ["a", "it's", "\"'", "\\\n\u{1}"].map(str::to_owned);
    assert_eq!(
        Value::List(texts.to_vec()).to_string(),
        r#"['a', "it's", '"\'', '\\\n\x01']"#
    );
    let pairs = vec![("k".to_owned(), "v".to_owned())];
    assert_eq!(Value::Dict(pairs).to_string(), "{'k': 'v'}");
    assert_eq!(Value::Bool(true).to_string(), "True");
}

#[test]
fn underscores_group_digits() {
    assert_eq!(without_underscores("1_000"), Some("1000".to_owned()));
    for wrong in ["_1", "1_", "1__0", "_", "1_.0"] {
        assert_eq!(without_underscores(wrong), None, "{wrong}");
    }
}

#[test]
fn separators_of_ascii_are_space() {
    assert_eq!(strip("\u{1c} a\u{a0}\n"), "a");
}
