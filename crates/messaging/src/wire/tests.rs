use std::collections::HashSet;
use std::time::Duration;

use proptest::prelude::*;

use super::write::JsonWriter;
use super::*;

#[test]
fn ids_are_32_lower_case_hex_digits() {
    let ids: HashSet<Id> = (0..1000).map(|_| Id::new()).collect();
    assert_eq!(ids.len(), 1000);
    for id in ids {
        let text = id.to_string();
        assert_eq!(text.len(), 32);
        assert_eq!(text.as_bytes(), id.digits());
        assert_eq!(
            (&text[12..13], "89ab".contains(&text[16..17])),
            ("4", true),
            "{text}"
        );
        assert_eq!(Id::parse(&text), Some(id));
        assert_eq!(Id::of(&text), id);
    }
    assert_eq!(Id::from(0xab).to_string(), format!("{}ab", "0".repeat(30)));
}

#[test]
fn other_ids_have_a_key_too() {
    for text in [
        "",
        "x",
        &"A".repeat(32),
        &"0".repeat(31),
        &"0".repeat(33),
        "é",
    ] {
        assert_eq!(Id::parse(text), None, "{text}");
        assert_eq!(Id::of(text), Id::of(text));
        assert_ne!(Id::of(text), Id::of("other"));
    }
}

#[test]
fn texts_compare_and_slice() {
    let source: std::sync::Arc<str> = "hello wörld".into();
    let slice = Text::slice(&source, 6..12);
    assert_eq!(slice, "wörld");
    assert_eq!(slice, Text::from("wörld"));
    assert_eq!(slice.part(0..1), "w");
    assert_eq!(slice.part(0..2), "", "half a character is no text");
    assert_eq!(Text::from("constant").part(3..8), "stant");
    assert!(Text::from("a".to_owned()) < Text::copy("b"));
    let set: HashSet<Text> = [Text::from("a"), Text::copy("a")].into();
    assert!(set.contains("a") && set.len() == 1);
}

#[test]
fn keep_alive_intervals() {
    let of = |timeout: &str| KeepAlive::of(&RawJson::parse(timeout).unwrap());
    let every = |millis| KeepAlive::Every(Duration::from_millis(millis));
    assert_eq!(of("null"), KeepAlive::NotAsked);
    assert_eq!(of("2"), every(1000));
    assert_eq!(of("3"), every(1500));
    assert_eq!(of("60"), every(30_000));
    assert_eq!(of("2.9"), every(1000));
    assert_eq!(of("\"4\""), every(2000));
    for unusable in [
        "0", "1", "1.99", "-5", "true", "[]", "\"x\"", "\"2.5\"", "NaN", "1e400", "\"\"",
    ] {
        assert_eq!(of(unusable), KeepAlive::Unusable, "{unusable}");
    }
}

#[test]
fn expirations_are_whole_milliseconds() {
    let properties = MessageProperties::json().expires_in(Duration::from_micros(500_900));
    assert_eq!(properties.expiration_text().as_deref(), Some("500"));
    assert_eq!(
        MessageProperties::parse_expiration("60000"),
        Some(Duration::from_mins(1))
    );
    assert_eq!(MessageProperties::parse_expiration("x"), None);
    assert_eq!(MessageProperties::parse_expiration("-1"), None);
    assert_eq!(MessageProperties::json().expiration_text(), None);
}

#[test]
fn contexts_hold_json_by_key() {
    let mut context = Context::default();
    assert!(context.is_empty());
    context.insert("user_id", "u1").unwrap();
    context.insert("roles", &["admin"]).unwrap();
    let copy = context.clone();
    context.insert("user_id", &None::<String>).unwrap();
    context.insert_raw("raw", RawJson::parse("[1.0]").unwrap());
    assert_eq!((context.len(), copy.len()), (3, 2));
    assert_eq!(
        copy.get::<String>("user_id").unwrap().as_deref(),
        Some("u1")
    );
    assert_eq!(
        context.get::<Option<String>>("user_id").unwrap(),
        Some(None)
    );
    assert_eq!(context.get::<String>("nope").unwrap(), None);
    assert!(context.get::<u8>("raw").is_err());
    assert_eq!(context.remove("roles").unwrap().as_str(), r#"["admin"]"#);
    assert_eq!(context.remove("roles"), None);
    let keys: Vec<_> = context.iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["user_id", "raw"]);
}

#[test]
fn a_context_does_not_show_its_values() {
    let mut context = Context::default();
    context.insert("auth_token", "s3cret").unwrap();
    assert_eq!(format!("{context:?}"), "{\"auth_token\"}");
}

#[test]
fn failures_lose_the_suffix_of_received_ones() {
    let stripped = |module: &str, class: &str| {
        let failure = Failure::new(module, class, "m").without_remote_suffix();
        (failure.module, failure.class)
    };
    assert_eq!(
        stripped("a.b_Remote", "C_Remote"),
        ("a.b".into(), "C".into())
    );
    assert_eq!(
        stripped("a.b", "C_Remote"),
        ("a.b".into(), "C_Remote".into())
    );
    assert_eq!(
        stripped("a.b_Remote", "C"),
        ("a.b_Remote".into(), "C".into())
    );
}

#[test]
fn the_old_name_of_builtins() {
    let failure = Failure::new("exceptions", "ValueError", "m");
    assert!(failure.is_builtin());
    assert_eq!(
        (failure.canonical_module(), failure.module.as_str()),
        ("builtins", "exceptions")
    );
    assert!(!Failure::new("nova.exception", "X", "m").is_builtin());
    assert_eq!(failure.args.as_str(), "[\"m\"]");
}

/// What a writer writes for a string, plain and inside another string, read back by `serde_json`.
fn written(text: &str, charset: Charset) -> (String, String) {
    let mut plain = Vec::new();
    JsonWriter::new(&mut plain, charset).string(text);
    let mut nested = Vec::new();
    JsonWriter::new(&mut nested, charset).nest(|writer| writer.string(text));
    let outer: String = serde_json::from_slice(&nested).unwrap();
    if charset == Charset::Ascii {
        assert!(plain.is_ascii() && nested.is_ascii());
    }
    (
        serde_json::from_slice(&plain).unwrap(),
        serde_json::from_str(&outer).unwrap(),
    )
}

#[test]
fn json_in_json_is_escaped_as_by_the_peers() {
    let nested = |charset, json: &str| {
        let mut body = Vec::new();
        JsonWriter::new(&mut body, charset).nest(|writer| writer.json(json));
        String::from_utf8(body).unwrap()
    };
    let json = "{\"é\": \"\\n\u{7f}\"}";
    assert_eq!(
        nested(Charset::Ascii, json),
        r#""{\"\\u00e9\": \"\\n\\u007f\"}""#
    );
    assert_eq!(
        nested(Charset::Utf8, json),
        "\"{\\\"é\\\": \\\"\\\\n\u{7f}\\\"}\""
    );
}

proptest! {
    #[test]
    fn written_strings_read_the_same(text in any::<String>()) {
        for charset in [Charset::Utf8, Charset::Ascii] {
            let (plain, nested) = written(&text, charset);
            prop_assert_eq!(&plain, &text);
            prop_assert_eq!(&nested, &text);
        }
    }
}

#[test]
fn an_id_is_its_digits_as_text() {
    let id = Id::new();
    assert_eq!(Text::from(id), id.to_string().as_str());
}

#[test]
fn a_context_tells_the_monitor_timeout_that_it_was_given() {
    let mut context = Context::default();
    context.insert("user_id", "u1").unwrap();
    let monitored = context
        .clone()
        .with_client_timeout(Some(Duration::from_millis(2500)));
    assert_eq!(
        monitored.client_timeout(),
        Some(Duration::from_millis(2500))
    );
    assert_eq!(monitored.len(), 1);
    assert_eq!(monitored.with_client_timeout(None), context);
}
