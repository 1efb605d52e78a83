//! Tables and properties as `amq-protocol` has them, from ours and to ours.

use amq_protocol::{
    protocol::basic::AMQPProperties,
    types::{self, AMQPValue, ByteArray, DecimalValue, LongString, ShortString},
};
use bergen_amqp::codec::{BasicProperties, FieldTable, FieldValue};

/// Their table. It is sorted by key, so it comes back from [`our_table`] sorted.
pub(crate) fn their_table(table: &FieldTable<'_>) -> types::FieldTable {
    let mut theirs = types::FieldTable::default();
    for (key, value) in table.iter() {
        theirs.insert(key.into(), their_value(value));
    }
    theirs
}

/// Our table, borrowing from theirs.
pub(crate) fn our_table(theirs: &types::FieldTable) -> FieldTable<'_> {
    theirs
        .inner()
        .iter()
        .map(|(key, value)| (key.as_str(), our_value(value)))
        .collect()
}

/// Their properties.
pub(crate) fn their_properties(ours: &BasicProperties<'_>) -> AMQPProperties {
    let mut theirs = AMQPProperties::default();
    macro_rules! set {
        ($($field:ident by $setter:ident: $convert:expr,)*) => { $(
            if let Some(value) = &ours.$field {
                theirs = theirs.$setter($convert(value));
            }
        )* };
    }
    let text = |text: &std::borrow::Cow<'_, str>| ShortString::from(text.as_ref());
    set! {
        content_type by with_content_type: text,
        content_encoding by with_content_encoding: text,
        headers by with_headers: their_table,
        delivery_mode by with_delivery_mode: u8::clone,
        priority by with_priority: u8::clone,
        correlation_id by with_correlation_id: text,
        reply_to by with_reply_to: text,
        expiration by with_expiration: text,
        message_id by with_message_id: text,
        timestamp by with_timestamp: u64::clone,
        kind by with_type: text,
        user_id by with_user_id: text,
        app_id by with_app_id: text,
        cluster_id by with_cluster_id: text,
    }
    theirs
}

fn their_value(value: &FieldValue<'_>) -> AMQPValue {
    match value {
        FieldValue::Bool(value) => AMQPValue::Boolean(*value),
        FieldValue::I8(value) => AMQPValue::ShortShortInt(*value),
        FieldValue::U8(value) => AMQPValue::ShortShortUInt(*value),
        FieldValue::I16(value) => AMQPValue::ShortInt(*value),
        FieldValue::U16(value) => AMQPValue::ShortUInt(*value),
        FieldValue::I32(value) => AMQPValue::LongInt(*value),
        FieldValue::U32(value) => AMQPValue::LongUInt(*value),
        FieldValue::I64(value) => AMQPValue::LongLongInt(*value),
        FieldValue::Float(value) => AMQPValue::Float(*value),
        FieldValue::Double(value) => AMQPValue::Double(*value),
        FieldValue::Decimal { scale, value } => AMQPValue::DecimalValue(DecimalValue {
            scale: *scale,
            value: *value,
        }),
        FieldValue::LongString(bytes) => AMQPValue::LongString(LongString::from(bytes.to_vec())),
        FieldValue::Array(values) => {
            AMQPValue::FieldArray(values.iter().map(their_value).collect::<Vec<_>>().into())
        }
        FieldValue::Timestamp(seconds) => AMQPValue::Timestamp(*seconds),
        FieldValue::Table(table) => AMQPValue::FieldTable(their_table(table)),
        FieldValue::Void => AMQPValue::Void,
        FieldValue::Bytes(bytes) => AMQPValue::ByteArray(ByteArray::from(bytes.to_vec())),
        other => panic!("no counterpart for {other:?}"),
    }
}

fn our_value(theirs: &AMQPValue) -> FieldValue<'_> {
    match theirs {
        AMQPValue::Boolean(value) => FieldValue::Bool(*value),
        AMQPValue::ShortShortInt(value) => FieldValue::I8(*value),
        AMQPValue::ShortShortUInt(value) => FieldValue::U8(*value),
        AMQPValue::ShortInt(value) => FieldValue::I16(*value),
        AMQPValue::ShortUInt(value) => FieldValue::U16(*value),
        AMQPValue::LongInt(value) => FieldValue::I32(*value),
        AMQPValue::LongUInt(value) => FieldValue::U32(*value),
        AMQPValue::LongLongInt(value) => FieldValue::I64(*value),
        AMQPValue::Float(value) => FieldValue::Float(*value),
        AMQPValue::Double(value) => FieldValue::Double(*value),
        AMQPValue::DecimalValue(DecimalValue { scale, value }) => FieldValue::Decimal {
            scale: *scale,
            value: *value,
        },
        AMQPValue::ShortString(_) => panic!("RabbitMQ has no short strings in tables"),
        AMQPValue::LongString(text) => FieldValue::LongString(text.as_bytes().into()),
        AMQPValue::FieldArray(values) => {
            FieldValue::Array(values.as_slice().iter().map(our_value).collect())
        }
        AMQPValue::Timestamp(seconds) => FieldValue::Timestamp(*seconds),
        AMQPValue::FieldTable(table) => FieldValue::Table(our_table(table)),
        AMQPValue::ByteArray(bytes) => FieldValue::Bytes(bytes.as_slice().into()),
        AMQPValue::Void => FieldValue::Void,
    }
}
