use bergen_amqp::codec::{FieldTable, FieldValue};
use serde_json::{Value, json};

use super::{from_table, to_table};

#[test]
fn tables_come_and_go() {
    let json = json!({"a": [1, true, {"b": 1.5}], "text": "ü", "min": i64::MIN});
    assert_eq!(from_table(&to_table(&json).unwrap()), json);
    let table = to_table(&json!({"n": 1})).unwrap();
    assert_eq!(table.get("n"), Some(&FieldValue::I64(1)));
}

#[test]
fn what_json_lacks_is_shown_as_rabbitmq_does() {
    let table = FieldTable::new()
        .with("void", FieldValue::Void)
        .with("time", FieldValue::Timestamp(5))
        .with("bytes", FieldValue::Bytes(vec![b'a', 0xFF].into()))
        .with("nan", FieldValue::Double(f64::NAN));
    let shown = json!({"void": "undefined", "time": 5, "bytes": "a\u{FFFD}", "nan": null});
    assert_eq!(from_table(&table), shown);
}

#[test]
fn what_tables_lack_is_refused() {
    let deep = (0..20).fold(json!(1), |inner, _| json!({"t": inner}));
    let deep_list = (0..20).fold(json!(1), |inner, _| json!([inner]));
    for json in [
        json!([]),
        Value::Null,
        json!({"a": null}),
        json!({"a": u64::MAX}),
        json!({"k".repeat(129): 1}),
        json!({"deep": deep}),
        json!({"deep": deep_list}),
    ] {
        assert!(to_table(&json).is_err(), "{json}");
    }
}
