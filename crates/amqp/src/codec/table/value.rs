//! The typed values of field tables.

use std::borrow::Cow;

use super::{FieldTable, MAX_DEPTH};
use crate::codec::{
    error::{DecodeError, EncodeError},
    primitives::{Reader, Writer},
};

/// One value of a field table.
///
/// The letters are those that RabbitMQ uses, which are not those of the 0-9-1 text: `s` is a 16-bit
/// integer and not a short string, `l` is signed, `x` is a byte array. Two more letters are read and
/// never written: `U` (16-bit integer of the specification) and `L` (64-bit integer; py-amqp writes
/// it signed).
///
/// `From<i32>` and its kin choose what peers write: text as `S`, integers as `I`, wider ones as `l`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum FieldValue<'a> {
    /// `t`
    Bool(bool),
    /// `b`
    I8(i8),
    /// `B`
    U8(u8),
    /// `s`; py-amqp takes this letter for a short string, so avoid it towards Python.
    I16(i16),
    /// `u`
    U16(u16),
    /// `I`, what every peer writes for an integer in arguments.
    I32(i32),
    /// `i`
    U32(u32),
    /// `l`
    I64(i64),
    /// `f`
    Float(f32),
    /// `d`
    Double(f64),
    /// `D`: `value` divided by ten to the power of `scale`.
    Decimal {
        /// Digits behind the decimal point.
        scale: u8,
        /// All digits as one number.
        value: u32,
    },
    /// `S`: text by habit, bytes by right.
    LongString(Cow<'a, [u8]>),
    /// `A`
    Array(Vec<Self>),
    /// `T`: seconds since 1970.
    Timestamp(u64),
    /// `F`
    Table(FieldTable<'a>),
    /// `V`: no value.
    Void,
    /// `x`
    Bytes(Cow<'a, [u8]>),
}

impl<'a> FieldValue<'a> {
    /// The letter that stands before the value on the wire.
    pub fn letter(&self) -> u8 {
        match self {
            Self::Bool(_) => b't',
            Self::I8(_) => b'b',
            Self::U8(_) => b'B',
            Self::I16(_) => b's',
            Self::U16(_) => b'u',
            Self::I32(_) => b'I',
            Self::U32(_) => b'i',
            Self::I64(_) => b'l',
            Self::Float(_) => b'f',
            Self::Double(_) => b'd',
            Self::Decimal { .. } => b'D',
            Self::LongString(_) => b'S',
            Self::Array(_) => b'A',
            Self::Timestamp(_) => b'T',
            Self::Table(_) => b'F',
            Self::Void => b'V',
            Self::Bytes(_) => b'x',
        }
    }

    /// The text of a long string or byte array, if it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()?).ok()
    }

    /// The bytes of a long string or byte array.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::LongString(bytes) | Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The number, whatever the width in which the peer wrote it.
    pub fn as_i64(&self) -> Option<i64> {
        match *self {
            Self::I8(number) => Some(number.into()),
            Self::U8(number) => Some(number.into()),
            Self::I16(number) => Some(number.into()),
            Self::U16(number) => Some(number.into()),
            Self::I32(number) => Some(number.into()),
            Self::U32(number) => Some(number.into()),
            Self::I64(number) => Some(number),
            _ => None,
        }
    }

    /// The truth value.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The inner table.
    pub fn as_table(&self) -> Option<&FieldTable<'a>> {
        match self {
            Self::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The elements.
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(values) => Some(values),
            _ => None,
        }
    }

    /// The same value without borrows.
    pub fn into_owned(self) -> FieldValue<'static> {
        match self {
            Self::Bool(value) => FieldValue::Bool(value),
            Self::I8(value) => FieldValue::I8(value),
            Self::U8(value) => FieldValue::U8(value),
            Self::I16(value) => FieldValue::I16(value),
            Self::U16(value) => FieldValue::U16(value),
            Self::I32(value) => FieldValue::I32(value),
            Self::U32(value) => FieldValue::U32(value),
            Self::I64(value) => FieldValue::I64(value),
            Self::Float(value) => FieldValue::Float(value),
            Self::Double(value) => FieldValue::Double(value),
            Self::Decimal { scale, value } => FieldValue::Decimal { scale, value },
            Self::LongString(bytes) => FieldValue::LongString(Cow::Owned(bytes.into_owned())),
            Self::Array(values) => {
                FieldValue::Array(values.into_iter().map(FieldValue::into_owned).collect())
            }
            Self::Timestamp(seconds) => FieldValue::Timestamp(seconds),
            Self::Table(table) => FieldValue::Table(table.into_owned()),
            Self::Void => FieldValue::Void,
            Self::Bytes(bytes) => FieldValue::Bytes(Cow::Owned(bytes.into_owned())),
        }
    }

    /// Reads letter and value; `depth` is that of the table or array around it.
    pub(super) fn read_at(reader: &mut Reader<'a>, depth: usize) -> Result<Self, DecodeError> {
        Ok(match reader.u8()? {
            b't' => Self::Bool(reader.u8()? != 0),
            b'b' => Self::I8(reader.array("field").map(i8::from_be_bytes)?),
            b'B' => Self::U8(reader.u8()?),
            b's' | b'U' => Self::I16(reader.array("field").map(i16::from_be_bytes)?),
            b'u' => Self::U16(reader.u16()?),
            b'I' => Self::I32(reader.array("field").map(i32::from_be_bytes)?),
            b'i' => Self::U32(reader.u32()?),
            b'l' | b'L' => Self::I64(reader.array("field").map(i64::from_be_bytes)?),
            b'f' => Self::Float(reader.array("field").map(f32::from_be_bytes)?),
            b'd' => Self::Double(reader.array("field").map(f64::from_be_bytes)?),
            b'D' => Self::Decimal {
                scale: reader.u8()?,
                value: reader.u32()?,
            },
            b'S' => Self::LongString(Cow::Borrowed(reader.long_str()?)),
            b'A' => Self::Array(read_array(reader, depth + 1)?),
            b'T' => Self::Timestamp(reader.u64()?),
            b'F' => Self::Table(FieldTable::read_at(reader, depth + 1)?),
            b'V' => Self::Void,
            b'x' => Self::Bytes(Cow::Borrowed(reader.counted("byte array")?)),
            letter => return Err(DecodeError::UnknownFieldType(letter)),
        })
    }

    /// Writes letter and value; `depth` is that of the table or array around it.
    pub(super) fn write_at(
        &self,
        writer: &mut Writer<'_>,
        depth: usize,
    ) -> Result<(), EncodeError> {
        writer.u8(self.letter());
        match self {
            Self::Bool(value) => writer.u8(u8::from(*value)),
            Self::I8(value) => writer.bytes(&value.to_be_bytes()),
            Self::U8(value) => writer.u8(*value),
            Self::I16(value) => writer.bytes(&value.to_be_bytes()),
            Self::U16(value) => writer.u16(*value),
            Self::I32(value) => writer.bytes(&value.to_be_bytes()),
            Self::U32(value) => writer.u32(*value),
            Self::I64(value) => writer.bytes(&value.to_be_bytes()),
            Self::Float(value) => writer.bytes(&value.to_be_bytes()),
            Self::Double(value) => writer.bytes(&value.to_be_bytes()),
            Self::Decimal { scale, value } => {
                writer.u8(*scale);
                writer.u32(*value);
            }
            Self::LongString(bytes) | Self::Bytes(bytes) => writer.long_str(bytes)?,
            Self::Array(values) => write_array(values, writer, depth + 1)?,
            Self::Timestamp(seconds) => writer.u64(*seconds),
            Self::Table(table) => table.write_at(writer, depth + 1)?,
            Self::Void => {}
        }
        Ok(())
    }
}

impl From<bool> for FieldValue<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i32> for FieldValue<'_> {
    fn from(value: i32) -> Self {
        Self::I32(value)
    }
}

impl From<u32> for FieldValue<'_> {
    /// `I` where it fits and `l` above, never the rarer `i`.
    fn from(value: u32) -> Self {
        Self::from(i64::from(value))
    }
}

impl From<i64> for FieldValue<'_> {
    /// `I` where it fits and `l` above, as Python clients do.
    fn from(value: i64) -> Self {
        i32::try_from(value).map_or(Self::I64(value), Self::I32)
    }
}

impl From<f64> for FieldValue<'_> {
    fn from(value: f64) -> Self {
        Self::Double(value)
    }
}

impl<'a> From<&'a str> for FieldValue<'a> {
    fn from(value: &'a str) -> Self {
        Self::LongString(Cow::Borrowed(value.as_bytes()))
    }
}

impl From<String> for FieldValue<'_> {
    fn from(value: String) -> Self {
        Self::LongString(Cow::Owned(value.into_bytes()))
    }
}

impl<'a> From<FieldTable<'a>> for FieldValue<'a> {
    fn from(value: FieldTable<'a>) -> Self {
        Self::Table(value)
    }
}

impl From<Vec<Self>> for FieldValue<'_> {
    fn from(value: Vec<Self>) -> Self {
        Self::Array(value)
    }
}

fn read_array<'a>(
    reader: &mut Reader<'a>,
    depth: usize,
) -> Result<Vec<FieldValue<'a>>, DecodeError> {
    if depth > MAX_DEPTH {
        return Err(DecodeError::TooDeep { limit: MAX_DEPTH });
    }
    let mut content = Reader::new(reader.counted("array")?);
    let mut values = Vec::new();
    while !content.is_empty() {
        values.push(FieldValue::read_at(&mut content, depth)?);
    }
    Ok(values)
}

fn write_array(
    values: &[FieldValue<'_>],
    writer: &mut Writer<'_>,
    depth: usize,
) -> Result<(), EncodeError> {
    if depth > MAX_DEPTH {
        return Err(EncodeError::TooDeep { limit: MAX_DEPTH });
    }
    writer.counted(|writer| {
        values
            .iter()
            .try_for_each(|value| value.write_at(writer, depth))
    })
}
