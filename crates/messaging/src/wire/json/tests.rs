use std::collections::HashMap;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::*;

fn raw(text: &str) -> RawJson {
    RawJson::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn error(text: &str) -> JsonError {
    RawJson::parse(text).unwrap_err()
}

#[test]
fn text_is_kept_to_the_byte() {
    for text in [
        "null",
        "[1, 2.50,\t{\"a\" : \"\\u00e9é\"} ]",
        "-0.0",
        "1E+400",
        "\"\\/\\ud800\"",
    ] {
        assert_eq!(raw(text).as_str(), text);
    }
    assert_eq!(raw(" \n{} \t\r").as_str(), "{}");
}

#[test]
fn kinds() {
    use JsonKind::{Array, Bool, Null, Number, Object, String};
    let kinds = [
        "null",
        "true",
        "false",
        "-1",
        "NaN",
        "Infinity",
        "-Infinity",
        "\"\"",
        "[]",
        "{}",
    ];
    let kinds = kinds.map(|text| raw(text).kind());
    assert_eq!(
        kinds,
        [
            Null, Bool, Bool, Number, Number, Number, Number, String, Array, Object
        ]
    );
}

#[test]
fn broken_text_is_an_error_at_its_place() {
    let syntax = |offset, expected| JsonError::Syntax { offset, expected };
    assert_eq!(error(""), syntax(0, "a value"));
    assert_eq!(error("[1, 2"), syntax(5, "a comma or the closing bracket"));
    assert_eq!(error("[1 2]"), syntax(3, "a comma or the closing bracket"));
    assert_eq!(error("[1}"), syntax(2, "a comma or the closing bracket"));
    assert_eq!(
        error("{\"a\": 1]"),
        syntax(7, "a comma or the closing bracket")
    );
    assert_eq!(error("[1,]"), syntax(3, "a value"));
    assert_eq!(error("{\"a\": 1,}"), syntax(8, "a member's name"));
    assert_eq!(error("{1: 2}"), syntax(1, "a member's name"));
    assert_eq!(error("{\"a\" 1}"), syntax(5, "a colon"));
    assert_eq!(error("1 2"), syntax(2, "the end"));
    assert_eq!(error("01"), syntax(1, "the end"));
    assert_eq!(error("-"), syntax(1, "a digit"));
    assert_eq!(error("1."), syntax(2, "a digit"));
    assert_eq!(error("1e"), syntax(2, "a digit"));
    assert_eq!(error("+1"), syntax(0, "a value"));
    assert_eq!(error("nul"), syntax(0, "a value"));
    assert_eq!(error("-NaN"), syntax(1, "a digit"));
    assert_eq!(error("'a'"), syntax(0, "a value"));
    assert_eq!(error("\"a\nb\""), syntax(2, "the end of a string"));
    assert_eq!(error("\"a"), syntax(2, "the end of a string"));
    assert_eq!(error("\"\\x\""), syntax(2, "an escape character"));
    assert_eq!(error("\"\\u12g4\""), syntax(5, "four hex digits"));
    assert_eq!(error("\"\\"), syntax(2, "an escape character"));
}

#[test]
fn nesting_has_a_limit_and_costs_no_stack() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(RawJson::parse(nested(MAX_DEPTH)).is_ok());
    assert_eq!(
        error(&nested(MAX_DEPTH + 1)),
        JsonError::TooDeep { limit: MAX_DEPTH }
    );
    assert_eq!(
        error(&"[".repeat(10_000_000)),
        JsonError::TooDeep { limit: MAX_DEPTH }
    );
    let objects = "{\"a\":".repeat(MAX_DEPTH) + "1" + &"}".repeat(MAX_DEPTH);
    assert!(RawJson::parse(objects).is_ok());
    assert_eq!(check("[[]]", 1), Err(JsonError::TooDeep { limit: 1 }));
    assert_eq!(check("[[]]", 2), Ok(0..4));
}

#[test]
fn the_deepest_value_decodes_on_a_small_stack() {
    let text = "[".repeat(MAX_DEPTH) + &"]".repeat(MAX_DEPTH);
    let decode = move || {
        let value: Value = raw(&text).decode().unwrap();
        assert!(raw(&text).json_eq(&raw(&text)));
        assert!(value.is_array());
    };
    // The stack of a tokio worker.
    let thread = std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(decode)
        .unwrap();
    thread.join().unwrap();
}

#[test]
fn members_and_elements() {
    let json = raw(r#"{"a": 1, "b\u0021": [true, {"x": []}], "a": {"y": 2}, "": null}"#);
    let members: Vec<_> = json.members().collect();
    let keys: Vec<_> = members.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["a", "b!", "a", ""]);
    assert_eq!(members[1].1.as_str(), r#"[true, {"x": []}]"#);
    assert_eq!(json.member("a"), Some(raw(r#"{"y": 2}"#)));
    assert_eq!(json.member("c"), None);
    let elements: Vec<_> = members[1].1.elements().map(|e| e.to_string()).collect();
    assert_eq!(elements, ["true", r#"{"x": []}"#]);
    // Parts of parts are still slices of the one text.
    assert_eq!(
        members[1].1.elements().nth(1).unwrap().member("x"),
        Some(raw("[]"))
    );
    assert_eq!(
        (raw("[]").elements().count(), raw("{}").members().count()),
        (0, 0)
    );
    assert_eq!(
        (raw("{}").elements().count(), raw("[1]").members().count()),
        (0, 0)
    );
    assert_eq!(
        (
            raw("\"[1]\"").elements().count(),
            raw("1").members().count()
        ),
        (0, 0)
    );
}

#[test]
fn texts_are_unescaped() {
    assert_eq!(raw(r#""plain""#).as_text().unwrap(), "plain");
    assert_eq!(
        raw(r#""\"\\\/\b\f\n\r\té\u00e9""#).as_text().unwrap(),
        "\"\\/\u{8}\u{c}\n\r\téé"
    );
    assert_eq!(raw(r#""\ud83d\ude00""#).as_text().unwrap(), "😀");
    assert_eq!(raw(r#""a\ud800b""#).as_text().unwrap(), "a\u{fffd}b");
    assert_eq!(raw(r#""\ud800\u0041""#).as_text().unwrap(), "\u{fffd}A");
    assert_eq!(
        raw(r#""\ude00\ud83d""#).as_text().unwrap(),
        "\u{fffd}\u{fffd}"
    );
    assert_eq!(raw("1").as_text(), None);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    float: f64,
    big: i128,
    raw: RawJson,
    text: String,
    #[serde(default)]
    option: Option<u8>,
    #[serde(default)]
    choice: Option<Choice>,
    #[serde(default)]
    map: HashMap<i32, bool>,
    #[serde(default)]
    flags: HashMap<bool, u8>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Choice {
    Unit,
    One(u8),
    Tuple(u8, String),
    Struct { x: f64 },
}

#[test]
fn what_python_writes_decodes_into_types_that_hold_it() {
    let text = r#"{"float": NaN, "big": 1180591620717411303424, "raw": [NaN, "\ud800"],
                   "text": "\u00e9", "text": "last", "option": null, "choice": {"Struct": {"x": -Infinity}},
                   "map": {"1": true, "-2": false}, "flags": {"true": 1}, "unknown": [[Infinity]]}"#;
    let value: Everything = raw(text).decode().unwrap();
    assert!(value.float.is_nan());
    assert_eq!(value.big, 1 << 70);
    assert_eq!(value.raw.as_str(), r#"[NaN, "\ud800"]"#);
    assert_eq!((value.text.as_str(), value.option), ("last", None));
    assert_eq!(
        value.choice,
        Some(Choice::Struct {
            x: f64::NEG_INFINITY
        })
    );
    assert_eq!(value.map, HashMap::from([(1, true), (-2, false)]));
    assert_eq!(value.flags, HashMap::from([(true, 1)]));
}

#[test]
fn the_tolerant_reading_knows_every_shape() {
    // NaN in front makes serde_json refuse the text.
    fn tolerant<T: serde::de::DeserializeOwned>(text: &str) -> Result<(f64, T), JsonError> {
        raw(&format!("[NaN, {text}]")).decode()
    }
    fn value<T: serde::de::DeserializeOwned>(text: &str) -> T {
        tolerant(text)
            .unwrap_or_else(|error| panic!("{text}: {error}"))
            .1
    }
    assert_eq!(value::<Choice>("\"Unit\""), Choice::Unit);
    assert_eq!(value::<Choice>("{\"Unit\": null}"), Choice::Unit);
    assert_eq!(value::<Choice>("{\"One\": 1}"), Choice::One(1));
    assert_eq!(
        value::<Choice>("{\"Tuple\": [1, \"a\"]}"),
        Choice::Tuple(1, "a".into())
    );
    assert_eq!(
        value::<Vec<Option<bool>>>("[true, null]"),
        [Some(true), None]
    );
    assert_eq!(value::<(i8, char)>("[-1, \"c\"]"), (-1, 'c'));
    assert_eq!(value::<u128>(&u128::MAX.to_string()), u128::MAX);
    assert!((value::<f64>("1180591620717411303424") - 2_f64.powi(70)).abs() < 1.0);
    assert_eq!(
        value::<Value>(r#"{"a": [1, -1, 1.5, "x", null]}"#)["a"][2],
        1.5
    );
    assert!(tolerant::<Choice>("\"Nope\"").is_err());
    assert!(tolerant::<Choice>("{}").is_err());
    assert!(tolerant::<Choice>("{\"One\": 1, \"Unit\": 2}").is_err());
    assert!(tolerant::<Choice>("\"One\"").is_err());
    assert!(tolerant::<u8>("256").is_err());
    assert!(tolerant::<u8>("\"1\"").is_err());
    assert!(tolerant::<i64>("1e400").is_err());
}

#[test]
fn what_a_type_cannot_hold_is_named() {
    let mismatch = |text: &str| raw(text).decode::<String>().unwrap_err().to_string();
    assert_eq!(
        mismatch(r#""\ud800""#),
        "lone surrogate \\ud800, which text cannot hold"
    );
    assert!(
        mismatch("1").contains("expected a string"),
        "{}",
        mismatch("1")
    );
    let missing = raw("{}").decode::<Everything>().unwrap_err().to_string();
    assert!(missing.contains("missing field `float`"), "{missing}");
    assert!(raw("NaN").decode::<i64>().is_err());
    assert!(raw("1180591620717411303424").decode::<u64>().is_err());
    assert!(
        raw(&format!("1{}", "0".repeat(100_000)))
            .decode::<i128>()
            .is_err()
    );
}

#[test]
fn raw_json_is_a_field_of_other_types() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Outer {
        inner: Vec<RawJson>,
    }
    let outer = Outer {
        inner: vec![raw("[1.00, NaN]"), raw("\"\\ud800\""), raw("null")],
    };
    let json = RawJson::encode(&outer).unwrap();
    assert_eq!(json.as_str(), r#"{"inner":[[1.00, NaN],"\ud800",null]}"#);
    assert_eq!(json.decode::<Outer>().unwrap(), outer);
    let strict = Outer {
        inner: vec![raw("[1.00]")],
    };
    assert_eq!(
        RawJson::encode(&strict).unwrap().decode::<Outer>().unwrap(),
        strict
    );
}

#[test]
fn what_cannot_be_written_is_an_error() {
    let map = HashMap::from([(vec![1], 2)]);
    assert!(matches!(
        RawJson::encode(&map),
        Err(JsonError::Unencodable(_))
    ));
}

#[test]
fn equality_by_value() {
    let same = |left: &str, right: &str| raw(left).json_eq(&raw(right));
    assert!(same(r#"{"a": 1, "b": [2, {}]}"#, r#"{"b":[2,{}],"a":1}"#));
    assert!(same(r#"{"a": 1, "a": 2}"#, r#"{"a": 2}"#));
    assert!(same(r#""\u00e9\ud83d\ude00""#, r#""é😀""#));
    assert!(same("1.50", "1.5") && same("1e2", "100.0") && same("NaN", "NaN"));
    assert!(
        !same("1", "2") && !same("1", "true") && !same("null", "0") && !same("NaN", "Infinity")
    );
    assert!(!same(r#"{"a": 1}"#, r#"{"a": 1, "b": 2}"#) && !same("[1, 2]", "[2, 1]"));
    assert!(!same(r#""\ud800""#, r#""\ud801""#));
    let long = "9".repeat(60);
    assert!(same(&long, &long) && !same(&long, &(long.clone() + "0")));
    assert!(!same(&format!("{long}1"), &format!("{long}2")));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::hash_map(".{0,6}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_serde_json_writes_is_scanned_and_decoded(value in any_json(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        let json = RawJson::parse(text.unwrap()).unwrap();
        prop_assert_eq!(json.decode::<Value>().unwrap(), value.clone());
        let tape = Tape::new(json.as_str()).unwrap();
        prop_assert_eq!(Value::deserialize(tape.root()).unwrap(), value.clone());
        prop_assert!(json.json_eq(&RawJson::encode(&value).unwrap()));
        prop_assert_eq!(json.elements().count(), value.as_array().map_or(0, Vec::len));
        prop_assert_eq!(json.members().count(), value.as_object().map_or(0, serde_json::Map::len));
    }

    /// Whatever `serde_json` takes for JSON, we do, and the other way round but for Python's tokens.
    #[test]
    fn accepts_what_serde_json_accepts(text in "[\\[\\]{}:,\"\\\\u0-9a-f.eE+\\- tn\u{1}é]{0,24}") {
        let ours = RawJson::parse(text.as_str());
        let theirs = serde_json::from_str::<&serde_json::value::RawValue>(&text);
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?}", ours);
    }

    #[test]
    fn unescaping_undoes_escaping(text in any::<String>()) {
        let json = RawJson::encode(&text).unwrap();
        prop_assert_eq!(json.as_text().unwrap(), text.as_str());
        prop_assert_eq!(json.decode::<String>().unwrap(), text);
    }
}
