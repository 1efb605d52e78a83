use bytes::BytesMut;

use super::*;

fn encode(table: &FieldTable<'_>) -> Result<BytesMut, EncodeError> {
    let mut buffer = BytesMut::new();
    table.write(&mut Writer::new(&mut buffer)).map(|()| buffer)
}

fn decode(data: &[u8]) -> Result<FieldTable<'_>, DecodeError> {
    let mut reader = Reader::new(data);
    let table = FieldTable::read(&mut reader)?;
    reader.finish().map(|()| table)
}

/// A table with one key and the given letter and value.
fn one(value: &[u8]) -> Vec<u8> {
    let length = u8::try_from(value.len() + 2).unwrap();
    [&[0, 0, 0, length, 1, b'k'], value].concat()
}

fn nested(depth: usize) -> FieldTable<'static> {
    (1..depth).fold(FieldTable::new(), |inner, _| {
        FieldTable::new().with("t", inner)
    })
}

#[test]
fn every_letter_has_rabbitmqs_meaning() {
    let values: &[(&[u8], FieldValue<'_>)] = &[
        (b"t\x01", FieldValue::Bool(true)),
        (b"b\xFF", FieldValue::I8(-1)),
        (b"B\xFF", FieldValue::U8(255)),
        (b"s\xFF\xFE", FieldValue::I16(-2)),
        (b"u\xFF\xFE", FieldValue::U16(65534)),
        (b"I\xFF\xFF\xFF\xFE", FieldValue::I32(-2)),
        (b"i\xFF\xFF\xFF\xFE", FieldValue::U32(4_294_967_294)),
        (b"l\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFE", FieldValue::I64(-2)),
        (b"f\x3F\x80\0\0", FieldValue::Float(1.0)),
        (b"d\x3F\xF0\0\0\0\0\0\0", FieldValue::Double(1.0)),
        (
            b"D\x02\0\0\0\x07",
            FieldValue::Decimal { scale: 2, value: 7 },
        ),
        (b"S\0\0\0\x02\xFFx", FieldValue::LongString(b"\xFFx".into())),
        (
            b"A\0\0\0\x03Vt\0",
            FieldValue::Array(vec![FieldValue::Void, FieldValue::Bool(false)]),
        ),
        (b"T\0\0\0\0\0\0\0\x09", FieldValue::Timestamp(9)),
        (
            b"F\0\0\0\x03\x01aV",
            FieldTable::new().with("a", FieldValue::Void).into(),
        ),
        (b"V", FieldValue::Void),
        (b"x\0\0\0\x01\xFE", FieldValue::Bytes(b"\xFE".into())),
    ];
    for (bytes, value) in values {
        let bytes = one(bytes);
        let table = FieldTable::new().with("k", value.clone());
        assert_eq!(decode(&bytes), Ok(table.clone()));
        assert_eq!(encode(&table).unwrap(), bytes);
    }
}

#[test]
fn letters_of_other_dialects_are_read_and_not_written() {
    for (bytes, value, letter) in [
        (&b"U\xFF\xFE"[..], FieldValue::I16(-2), b's'),
        (
            &b"L\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFE"[..],
            FieldValue::I64(-2),
            b'l',
        ),
    ] {
        let bytes = one(bytes);
        let table = decode(&bytes).unwrap();
        assert_eq!(table.get("k"), Some(&value));
        assert_eq!(encode(&table).unwrap()[6], letter);
    }
    assert_eq!(decode(&one(b"z")), Err(DecodeError::UnknownFieldType(b'z')));
}

#[test]
fn integers_leave_as_peers_write_them() {
    assert_eq!(FieldValue::from(5), FieldValue::I32(5));
    assert_eq!(FieldValue::from(600_000_i64), FieldValue::I32(600_000));
    assert_eq!(FieldValue::from(1_i64 << 31), FieldValue::I64(1 << 31));
    assert_eq!(FieldValue::from(7_u32), FieldValue::I32(7));
    assert_eq!(
        FieldValue::from(u32::MAX),
        FieldValue::I64(i64::from(u32::MAX))
    );
}

#[test]
fn nesting_is_limited_on_both_ways() {
    let deepest = encode(&nested(MAX_DEPTH)).unwrap();
    assert_eq!(decode(&deepest), Ok(nested(MAX_DEPTH)));
    assert_eq!(
        encode(&nested(MAX_DEPTH + 1)),
        Err(EncodeError::TooDeep { limit: MAX_DEPTH })
    );

    let length = u8::try_from(deepest.len() + 3).unwrap();
    let too_deep = [&[0, 0, 0, length, 1, b't', b'F'], &deepest[..]].concat();
    assert_eq!(
        decode(&too_deep),
        Err(DecodeError::TooDeep { limit: MAX_DEPTH })
    );
}

#[test]
fn arrays_count_as_nesting() {
    let arrays = |depth| {
        (1..depth).fold(FieldValue::Array(Vec::new()), |inner, _| {
            FieldValue::Array(vec![inner])
        })
    };
    let table = FieldTable::new().with("a", arrays(MAX_DEPTH - 1));
    assert_eq!(decode(&encode(&table).unwrap()), Ok(table));
    let table = FieldTable::new().with("a", arrays(MAX_DEPTH));
    assert_eq!(
        encode(&table),
        Err(EncodeError::TooDeep { limit: MAX_DEPTH })
    );
}

#[test]
fn a_key_is_set_once_and_the_last_of_a_peers_keys_counts() {
    let mut table = FieldTable::new().with("a", 1).with("b", 2);
    assert_eq!(table.insert("a", 3), Some(FieldValue::I32(1)));
    assert_eq!(
        table.iter().map(|(key, _)| key).collect::<Vec<_>>(),
        ["a", "b"]
    );

    let twice = decode(b"\0\0\0\x08\x01at\x00\x01at\x01").unwrap();
    assert_eq!(
        (twice.len(), twice.get("a")),
        (2, Some(&FieldValue::Bool(true)))
    );
}

#[test]
fn owning_keeps_the_value() {
    let table = FieldTable::new()
        .with("text", "t")
        .with(
            "inner",
            FieldTable::new().with("bytes", FieldValue::Bytes(b"\x00"[..].into())),
        )
        .with(
            "list",
            vec![FieldValue::from(true), FieldValue::from(1.5), 3.into()],
        );
    let bytes = encode(&table).unwrap();
    assert_eq!(decode(&bytes).unwrap().into_owned(), table);
}

#[test]
fn values_answer_for_what_they_are() {
    let table = FieldTable::new()
        .with("n", FieldValue::U8(3))
        .with("s", "x")
        .with("b", true);
    assert_eq!(table.get("n").and_then(FieldValue::as_i64), Some(3));
    assert_eq!(table.get("s").and_then(FieldValue::as_str), Some("x"));
    assert_eq!(table.get("s").and_then(FieldValue::as_i64), None);
    assert_eq!(table.get("b").and_then(FieldValue::as_bool), Some(true));
    assert!(!table.contains_key("missing"));
}
