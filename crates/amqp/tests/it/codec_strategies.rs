//! What the property tests of the codec draw from.

use bergen_amqp::codec::{BasicProperties, FieldTable, FieldValue};
use proptest::{collection::vec, option, prelude::*};

/// A text that fits a short string.
pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z._-]{0,20}",
        1 => vec(any::<char>(), 0..63).prop_map(|chars| chars.into_iter().collect()),
        1 => (250..=255_usize).prop_map(|length| "x".repeat(length)),
    ]
}

pub(crate) fn blob() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..300)
}

/// Numbers of floating point are never NaN, so that values compare.
fn scalar() -> impl Strategy<Value = FieldValue<'static>> {
    prop_oneof![
        any::<bool>().prop_map(FieldValue::Bool),
        any::<i8>().prop_map(FieldValue::I8),
        any::<u8>().prop_map(FieldValue::U8),
        any::<i16>().prop_map(FieldValue::I16),
        any::<u16>().prop_map(FieldValue::U16),
        any::<i32>().prop_map(FieldValue::I32),
        any::<u32>().prop_map(FieldValue::U32),
        any::<i64>().prop_map(FieldValue::I64),
        any::<f32>()
            .prop_filter("not NaN", |n| !n.is_nan())
            .prop_map(FieldValue::Float),
        any::<f64>()
            .prop_filter("not NaN", |n| !n.is_nan())
            .prop_map(FieldValue::Double),
        any::<(u8, u32)>().prop_map(|(scale, value)| FieldValue::Decimal { scale, value }),
        blob().prop_map(|bytes| FieldValue::LongString(bytes.into())),
        any::<u64>().prop_map(FieldValue::Timestamp),
        Just(FieldValue::Void),
        blob().prop_map(|bytes| FieldValue::Bytes(bytes.into())),
    ]
}

pub(crate) fn value() -> impl Strategy<Value = FieldValue<'static>> {
    scalar().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(FieldValue::Array),
            vec((text(), inner), 0..4)
                .prop_map(|pairs| FieldValue::Table(pairs.into_iter().collect())),
        ]
    })
}

pub(crate) fn table() -> impl Strategy<Value = FieldTable<'static>> {
    vec((text(), value()), 0..5).prop_map(|pairs| pairs.into_iter().collect())
}

pub(crate) fn properties() -> impl Strategy<Value = BasicProperties<'static>> {
    let texts = vec(option::of(text()), 10);
    let octets = (option::of(any::<u8>()), option::of(any::<u8>()));
    (texts, octets, option::of(table()), option::of(any::<u64>())).prop_map(
        |(texts, (delivery_mode, priority), headers, timestamp)| {
            let mut texts = texts.into_iter().map(|text| text.map(Into::into));
            let mut text = || texts.next().flatten();
            BasicProperties {
                content_type: text(),
                content_encoding: text(),
                headers,
                delivery_mode,
                priority,
                correlation_id: text(),
                reply_to: text(),
                expiration: text(),
                message_id: text(),
                timestamp,
                kind: text(),
                user_id: text(),
                app_id: text(),
                cluster_id: text(),
            }
        },
    )
}

/// What the fields of methods are filled from, each kind in turn.
#[derive(Debug, Clone)]
pub(crate) struct Palette {
    pub(crate) texts: Vec<String>,
    pub(crate) blobs: Vec<Vec<u8>>,
    pub(crate) table: FieldTable<'static>,
    pub(crate) numbers: Vec<u64>,
    pub(crate) bits: Vec<bool>,
}

pub(crate) fn palette() -> impl Strategy<Value = Palette> {
    let numbers = vec(any::<u64>(), 1..5);
    (
        vec(text(), 1..5),
        vec(blob(), 1..3),
        table(),
        numbers,
        vec(any::<bool>(), 1..8),
    )
        .prop_map(|(texts, blobs, table, numbers, bits)| Palette {
            texts,
            blobs,
            table,
            numbers,
            bits,
        })
}
