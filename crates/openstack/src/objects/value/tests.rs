use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use bergen_messaging::wire::convert::{DateTime, Network, Uuid};
use serde::{Deserialize, Serialize};

use super::*;

fn read<T: FieldValue>(text: &str) -> Result<T, ObjectError> {
    T::read(&RawJson::parse(text).unwrap())
}

/// The value of a text, written again.
fn again<T: FieldValue>(text: &str) -> String {
    let value: T = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    value.write().unwrap().as_str().to_owned()
}

fn refused<T: FieldValue>(text: &str) -> String {
    match read::<T>(text) {
        Ok(_) => panic!("{text} was taken"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn texts_take_what_python_turns_into_text() {
    assert_eq!(again::<String>(r#""ü""#), r#""ü""#);
    assert_eq!(again::<String>("7"), r#""7""#);
    assert_eq!(again::<String>("1.5"), r#""1.5""#);
    assert_eq!(again::<String>("true"), r#""True""#);
    assert_eq!(refused::<String>("[]"), "it should be a text, not an array");
    refused::<String>("null");
}

#[test]
fn integers_are_read_from_text_and_cut() {
    assert_eq!(again::<i64>("5.7"), "5");
    assert_eq!(again::<i64>("-5.7"), "-5");
    assert_eq!(again::<i64>(r#"" 12 ""#), "12");
    assert_eq!(again::<u32>("4294967295"), "4294967295");
    for text in [
        "4294967296",
        "-1",
        r#""5.7""#,
        r#""""#,
        "NaN",
        "1e300",
        "[]",
    ] {
        refused::<u32>(text);
    }
    refused::<i64>("9223372036854775808");
}

#[test]
fn floats_and_python_truth() {
    assert_eq!(again::<f64>("4"), "4.0");
    assert_eq!(again::<f64>(r#""1.5""#), "1.5");
    for (text, truth) in [
        (r#""no""#, "true"),
        (r#""""#, "false"),
        ("0", "false"),
        ("0.5", "true"),
        ("[]", "false"),
        (r#"{"a":1}"#, "true"),
    ] {
        assert_eq!(again::<bool>(text), truth, "{text}");
    }
    for (text, truth) in [
        (r#""no""#, "false"),
        (r#"" YES ""#, "true"),
        ("1", "true"),
        ("true", "true"),
        ("[]", "false"),
    ] {
        assert_eq!(again::<FlexibleBoolean>(text), truth, "{text}");
    }
}

#[test]
fn times_are_to_the_second_with_a_z() {
    for text in [
        "2026-08-21T10:00:30Z",
        "2026-08-21T10:00:30",
        "2026-08-21 10:00:30.999999",
        "2026-08-21T12:00:30+02:00",
    ] {
        let written = again::<DateTime>(&format!("\"{text}\""));
        assert_eq!(written, r#""2026-08-21T10:00:30Z""#, "{text}");
    }
    for text in [r#""2026-13-01T00:00:00Z""#, r#""soon""#, "17", "{}"] {
        refused::<DateTime>(text);
    }
}

#[test]
fn addresses_have_one_form() {
    assert_eq!(again::<IpAddr>(r#""FE80:0:0:0:0:0:0:1""#), r#""fe80::1""#);
    assert_eq!(again::<Ipv4Addr>(r#""192.0.2.4""#), r#""192.0.2.4""#);
    assert_eq!(again::<Network>(r#""10.0.0.5/24""#), r#""10.0.0.5/24""#);
    for text in [r#""FA-16-3E-00-00-01""#, r#""fa:16:3e:00:00:01""#] {
        assert_eq!(again::<MacAddress>(text), r#""fa:16:3e:00:00:01""#);
    }
    for text in [
        r#""fa:16:3e:00:00""#,
        r#""fa:16:3e:00:00:01:02""#,
        r#""+a:16:3e:00:00:01""#,
    ] {
        refused::<MacAddress>(text);
    }
    let uuid = r#""2f7d8ee15a5c4a7e9c9e0e6d7ea1f1a2""#;
    assert_eq!(
        again::<Uuid>(uuid),
        r#""2f7d8ee1-5a5c-4a7e-9c9e-0e6d7ea1f1a2""#
    );
}

#[test]
fn lists_sets_and_maps_hold_values_and_null_where_they_may() {
    assert_eq!(again::<Vec<i64>>(r#"[1, "2", 3.5]"#), "[1,2,3]");
    assert_eq!(
        again::<BTreeSet<String>>(r#"["b", "a", "b"]"#),
        r#"["a","b"]"#
    );
    assert_eq!(
        again::<BTreeMap<String, Option<String>>>(r#"{"x": null, "a": 0}"#),
        r#"{"a":"0","x":null}"#
    );
    assert_eq!(again::<Vec<Vec<String>>>(r#"[["a"], []]"#), r#"[["a"],[]]"#);
    refused::<Vec<i64>>("[null]");
    refused::<Vec<bool>>("[null]");
    refused::<BTreeMap<String, bool>>(r#"{"a": null}"#);
    refused::<Vec<i64>>("{}");
}

#[test]
fn text_that_is_json_is_read_as_such_and_as_it_is() {
    type Configurations = JsonText<BTreeMap<String, RawJson>>;
    let text = r#""{\"a\": 1, \"b\": [1, 2]}""#;
    assert_eq!(again::<Configurations>(text), text);
    assert_eq!(
        again::<Configurations>(r#"{"b":[1,2],"a":1}"#),
        r#""{\"a\": 1, \"b\": [1,2]}""#
    );
    refused::<Configurations>(r#""{""#);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Colour {
    Red,
}

#[test]
fn an_enum_of_texts_refuses_others() {
    assert_eq!(again::<Plain<Colour>>(r#""red""#), r#""red""#);
    refused::<Plain<Colour>>(r#""blue""#);
}

#[test]
fn values_are_not_repeated_in_errors() {
    assert!(!refused::<i64>(r#""hunter2""#).contains("hunter2"));
}
