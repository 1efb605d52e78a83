//! Values of tables, in a form that can be compared, sorted and looked up.

use std::sync::Arc;

use bergen_amqp::codec::{FieldTable, FieldValue};

/// A value as RabbitMQ compares headers: numbers by value, text by bytes, whatever their types on the wire.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Comparable {
    Void,
    Bool(bool),
    Integer(i128),
    /// A number with a fraction, or a huge one.
    Float(u64),
    Decimal(u8, u32),
    Bytes(Box<[u8]>),
    Array(Box<[Self]>),
    Table(Box<[(Box<str>, Self)]>),
}

/// The arguments of a binding, sorted by name: equal for equal arguments in whatever order. The types on the wire
/// (their letters) count here.
pub(super) type ComparableArguments = Arc<[(Box<str>, u8, Comparable)]>;

/// `table` as something to compare.
pub(super) fn arguments(table: &FieldTable<'_>) -> ComparableArguments {
    let mut pairs: Vec<_> = table
        .iter()
        .map(|(name, value)| (name.into(), value.letter(), value.into()))
        .collect();
    pairs.sort_unstable();
    pairs.into()
}

impl From<&FieldValue<'_>> for Comparable {
    fn from(value: &FieldValue<'_>) -> Self {
        match value {
            FieldValue::Bool(value) => Self::Bool(*value),
            FieldValue::Timestamp(seconds) => Self::Integer(i128::from(*seconds)),
            FieldValue::Float(number) => float(f64::from(*number)),
            FieldValue::Double(number) => float(*number),
            FieldValue::Decimal { scale, value } => Self::Decimal(*scale, *value),
            FieldValue::LongString(bytes) | FieldValue::Bytes(bytes) => {
                Self::Bytes(bytes.as_ref().into())
            }
            FieldValue::Array(values) => Self::Array(values.iter().map(Self::from).collect()),
            FieldValue::Table(table) => {
                let mut pairs: Vec<_> = table
                    .iter()
                    .map(|(name, value)| (name.into(), value.into()))
                    .collect();
                pairs.sort_unstable();
                Self::Table(pairs.into())
            }
            // All that are left are integers, and void.
            other => other
                .as_i64()
                .map_or(Self::Void, |number| Self::Integer(i128::from(number))),
        }
    }
}

/// A number without fraction is an integer, so that 1.0 equals 1.
#[expect(
    clippy::cast_possible_truncation,
    reason = "in this range the conversion is exact"
)]
fn float(number: f64) -> Comparable {
    if number.fract() == 0.0 && number.abs() < 9e18 {
        Comparable::Integer(number as i128)
    } else {
        Comparable::Float(number.to_bits())
    }
}
