use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::super::{JsonError, RawJson};
use super::MAX_DEPTH;

fn short<T: Serialize + ?Sized>(value: &T) -> String {
    RawJson::encode(value).unwrap().to_string()
}

fn python<T: Serialize + ?Sized>(value: &T) -> String {
    RawJson::encode_like_python(value).unwrap().to_string()
}

#[test]
fn floats_are_written_as_python_does() {
    // What `json.dumps` of Python 3 says; the tests against the real peer compare many more.
    let cases = [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (-1.5, "-1.5"),
        (0.1, "0.1"),
        (123_456.789, "123456.789"),
        (1e15, "1000000000000000.0"),
        (9_007_199_254_740_993.0, "9007199254740992.0"),
        (1e16, "1e+16"),
        (1.5e16, "1.5e+16"),
        (1e22, "1e+22"),
        (1e100, "1e+100"),
        (0.0001, "0.0001"),
        (0.000_123, "0.000123"),
        (0.000_01, "1e-05"),
        (1.25e-7, "1.25e-07"),
        (5e-324, "5e-324"),
        (f64::MAX, "1.7976931348623157e+308"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "Infinity"),
        (f64::NEG_INFINITY, "-Infinity"),
    ];
    for (number, text) in cases {
        assert_eq!(short(&number), text);
    }
    assert_eq!(short(&0.1_f32), "0.1");
    assert_eq!(short(&f32::NAN), "NaN");
}

#[test]
fn integers_have_all_their_digits() {
    assert_eq!(short(&i128::MIN), i128::MIN.to_string());
    assert_eq!(short(&u128::MAX), u128::MAX.to_string());
    assert_eq!(short(&[i64::MIN, -1, 0]), "[-9223372036854775808,-1,0]");
}

/// A key that serde calls a float, which no key of a standard map can be.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct FloatKey(i8);

impl Serialize for FloatKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            0 => serializer.serialize_f64(f64::NAN),
            whole => serializer.serialize_f64(whole.into()),
        }
    }
}

#[test]
fn keys_become_text_as_in_python() {
    let floats = BTreeMap::from([(FloatKey(0), 1), (FloatKey(1), 2)]);
    assert_eq!(short(&floats), r#"{"NaN":1,"1.0":2}"#);
    let booleans = BTreeMap::from([(false, 1), (true, 2)]);
    assert_eq!(python(&booleans), r#"{"false": 1, "true": 2}"#);
    let options = BTreeMap::from([(None, 1), (Some(-2), 2)]);
    assert_eq!(short(&options), r#"{"null":1,"-2":2}"#);
    assert_eq!(short(&BTreeMap::from([((), 1)])), r#"{"null":1}"#);
    assert_eq!(short(&BTreeMap::from([('"', 1)])), r#"{"\"":1}"#);
    for refused in [
        RawJson::encode(&BTreeMap::from([((1, 2), 3)])),
        RawJson::encode(&BTreeMap::from([(vec![1], 3)])),
        RawJson::encode(&BTreeMap::from([(BTreeMap::from([(1, 2)]), 3)])),
    ] {
        assert!(
            matches!(refused, Err(JsonError::Unencodable(_))),
            "{refused:?}"
        );
    }
}

#[derive(Serialize)]
enum Shape {
    Unit,
    Newtype(Option<u8>),
    Tuple(u8, char),
    Struct { x: f64, y: () },
}

#[derive(Serialize)]
struct Pair(u8, Shape);

#[derive(Serialize)]
struct Empty {}

#[test]
fn every_shape_of_serde_is_written() {
    let shapes = (
        Shape::Unit,
        Shape::Newtype(None),
        Shape::Newtype(Some(1)),
        Shape::Tuple(2, 'é'),
        Shape::Struct { x: 1.0, y: () },
        Pair(3, Shape::Unit),
        Empty {},
        [(); 0],
    );
    let text = r#"["Unit",{"Newtype":null},{"Newtype":1},{"Tuple":[2,"é"]},{"Struct":{"x":1.0,"y":null}},[3,"Unit"],{},[]]"#;
    assert_eq!(short(&shapes), text);
    let spaced = r#"["Unit", {"Newtype": null}, {"Newtype": 1}, {"Tuple": [2, "\u00e9"]}, {"Struct": {"x": 1.0, "y": null}}, [3, "Unit"], {}, []]"#;
    assert_eq!(python(&shapes), spaced);
}

#[test]
fn strings_are_escaped_as_by_json_dumps() {
    let text = "\u{8}\t\n\u{c}\r\u{1}\u{1f} \"\\/~\u{7f}é😀";
    assert_eq!(
        python(text),
        r#""\b\t\n\f\r\u0001\u001f \"\\/~\u007f\u00e9\ud83d\ude00""#
    );
    assert_eq!(
        short(text),
        "\"\\b\\t\\n\\f\\r\\u0001\\u001f \\\"\\\\/~\u{7f}é😀\""
    );
}

struct Bytes(&'static [u8]);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

#[test]
fn bytes_are_text() {
    assert_eq!(short(&Bytes("é\"".as_bytes())), "\"é\\\"\"");
    let error = RawJson::encode(&Bytes(b"\xff")).unwrap_err();
    assert!(
        error.to_string().contains("bytes that are no text"),
        "{error}"
    );
}

#[test]
fn json_inside_keeps_its_text() {
    let raw = RawJson::parse(r#"[1.00,  NaN, "é\ud800"]"#).unwrap();
    assert_eq!(short(&[&raw]), r#"[[1.00,  NaN, "é\ud800"]]"#);
    assert_eq!(python(&[&raw]), r#"[[1.00,  NaN, "\u00e9\ud800"]]"#);
    let theirs = serde_json::value::RawValue::from_string("{ }".into()).unwrap();
    assert_eq!(short(&(theirs, 1)), "[{ },1]");
}

/// Nested so deep.
struct Deep(usize);

impl Serialize for Deep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            0 => serializer.serialize_unit(),
            more => [Self(more - 1)].serialize(serializer),
        }
    }
}

#[test]
fn nesting_has_the_limit_that_readers_have() {
    let deepest = RawJson::encode(&Deep(MAX_DEPTH)).unwrap();
    assert_eq!(RawJson::parse(deepest.as_str()), Ok(deepest));
    let error = RawJson::encode(&Deep(MAX_DEPTH + 1)).unwrap_err();
    assert_eq!(error, JsonError::TooDeep { limit: MAX_DEPTH });
}

/// Encodes something else while it is encoded.
struct Reentrant;

impl Serialize for Reentrant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let inner = RawJson::encode(&[1, 2]).unwrap();
        (1, inner).serialize(serializer)
    }
}

#[test]
fn encoding_while_encoding_disturbs_nothing() {
    assert_eq!(short(&(0, Reentrant, 3)), "[0,[1,[1,2]],3]");
}
