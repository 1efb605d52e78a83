//! The serializer: writes JSON as Python does, where standard JSON has no form for a value, too.

use std::fmt;
use std::io::Write;

use serde::Serialize;
use serde::ser::{
    self, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

#[cfg(test)]
mod tests;

use super::scan::MAX_DEPTH;
use super::serde_impls::RAW_VALUE;
use super::{JsonError, float};
use crate::wire::write::{Charset, JsonWriter};

impl ser::Error for JsonError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Unencodable(message.to_string())
    }
}

/// Appends a value to `out`. To the byte like `json.dumps` if the charset is ASCII; otherwise
/// without spaces, and with UTF-8 as it is.
pub(super) fn write<T: Serialize + ?Sized>(
    value: &T,
    charset: Charset,
    out: &mut Vec<u8>,
) -> Result<(), JsonError> {
    value.serialize(&mut Serializer {
        out,
        charset,
        mode: Mode::Value,
        depth: 0,
    })
}

struct Serializer<'a> {
    out: &'a mut Vec<u8>,
    charset: Charset,
    mode: Mode,
    depth: usize,
}

/// What the next value is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Value,
    /// The name of a member: numbers, booleans and null become strings, as in Python.
    Key,
    /// Text that is JSON already.
    Json,
}

impl<'a> Serializer<'a> {
    fn string(&mut self, text: &str) {
        let mut writer = JsonWriter::new(self.out, self.charset);
        match self.mode {
            Mode::Json => writer.json(text),
            Mode::Value | Mode::Key => writer.string(text),
        }
    }

    /// Writes what is no string.
    fn token(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.mode == Mode::Key {
            self.out.push(b'"');
            write(self.out);
            self.out.push(b'"');
        } else {
            write(self.out);
        }
    }

    fn number(&mut self, number: impl fmt::Display) {
        // A vector takes everything.
        self.token(|out| _ = write!(out, "{number}"));
    }

    fn float(&mut self, number: f64, write: impl FnOnce(&mut Vec<u8>)) {
        if number.is_nan() {
            self.token(|out| out.extend_from_slice(b"NaN"));
        } else if number.is_infinite() {
            let sign: &[u8] = if number < 0.0 { b"-" } else { b"" };
            self.token(|out| out.extend([sign, b"Infinity"].concat()));
        } else {
            self.token(write);
        }
    }

    fn open<'s>(
        &'s mut self,
        start: u8,
        end: &'static [u8],
    ) -> Result<Compound<'s, 'a>, JsonError> {
        if self.mode == Mode::Key {
            let problem = "a key must be a string, a number, a boolean or null";
            return Err(JsonError::Unencodable(problem.into()));
        }
        if self.depth >= MAX_DEPTH {
            return Err(JsonError::TooDeep { limit: MAX_DEPTH });
        }
        self.depth += 1;
        self.out.push(start);
        Ok(Compound {
            json: self,
            first: true,
            end,
        })
    }

    /// `{"variant": `
    fn open_variant(&mut self, variant: &str) -> Result<(), JsonError> {
        self.open(b'{', b"")?.name(variant)
    }

    fn separator(&mut self, separator: u8) {
        self.out.push(separator);
        if self.charset == Charset::Ascii {
            self.out.push(b' ');
        }
    }
}

macro_rules! numbers {
    ($($method:ident $type:ty)*) => {
        $(fn $method(self, number: $type) -> Result<(), JsonError> {
            self.number(number);
            Ok(())
        })*
    };
}

impl<'s, 'a> ser::Serializer for &'s mut Serializer<'a> {
    type Ok = ();
    type Error = JsonError;
    type SerializeSeq = Compound<'s, 'a>;
    type SerializeTuple = Compound<'s, 'a>;
    type SerializeTupleStruct = Compound<'s, 'a>;
    type SerializeTupleVariant = Compound<'s, 'a>;
    type SerializeMap = Compound<'s, 'a>;
    type SerializeStruct = Compound<'s, 'a>;
    type SerializeStructVariant = Compound<'s, 'a>;

    numbers! {
        serialize_i8 i8 serialize_i16 i16 serialize_i32 i32 serialize_i64 i64 serialize_i128 i128
        serialize_u8 u8 serialize_u16 u16 serialize_u32 u32 serialize_u64 u64 serialize_u128 u128
    }

    fn serialize_bool(self, value: bool) -> Result<(), JsonError> {
        self.number(value);
        Ok(())
    }

    /// The shortest digits for the small float, not those for what it is as a large one.
    fn serialize_f32(self, number: f32) -> Result<(), JsonError> {
        self.float(number.into(), |out| float::write(number, out));
        Ok(())
    }

    fn serialize_f64(self, number: f64) -> Result<(), JsonError> {
        self.float(number, |out| float::write(number, out));
        Ok(())
    }

    fn serialize_char(self, character: char) -> Result<(), JsonError> {
        self.string(character.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn serialize_str(self, text: &str) -> Result<(), JsonError> {
        self.string(text);
        Ok(())
    }

    /// Text, as the peers write bytes.
    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), JsonError> {
        let text = std::str::from_utf8(bytes)
            .map_err(|error| JsonError::Unencodable(format!("bytes that are no text: {error}")))?;
        self.string(text);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), JsonError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), JsonError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), JsonError> {
        self.token(|out| out.extend_from_slice(b"null"));
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), JsonError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), JsonError> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), JsonError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), JsonError> {
        self.open_variant(variant)?;
        value.serialize(&mut *self)?;
        self.depth -= 1;
        self.out.push(b'}');
        Ok(())
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Compound<'s, 'a>, JsonError> {
        self.open(b'[', b"]")
    }

    fn serialize_tuple(self, _length: usize) -> Result<Compound<'s, 'a>, JsonError> {
        self.open(b'[', b"]")
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _length: usize,
    ) -> Result<Compound<'s, 'a>, JsonError> {
        self.open(b'[', b"]")
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Compound<'s, 'a>, JsonError> {
        self.open_variant(variant)?;
        self.open(b'[', b"]}")
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Compound<'s, 'a>, JsonError> {
        self.open(b'{', b"}")
    }

    fn serialize_struct(
        self,
        name: &'static str,
        _length: usize,
    ) -> Result<Compound<'s, 'a>, JsonError> {
        if name == RAW_VALUE && self.mode == Mode::Value {
            self.mode = Mode::Json;
            return Ok(Compound {
                json: self,
                first: true,
                end: b"",
            });
        }
        self.open(b'{', b"}")
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Compound<'s, 'a>, JsonError> {
        self.open_variant(variant)?;
        self.open(b'{', b"}}")
    }
}

/// An array or object that is being written.
struct Compound<'s, 'a> {
    json: &'s mut Serializer<'a>,
    first: bool,
    /// The closing brackets; none for text that is JSON already.
    end: &'static [u8],
}

impl Compound<'_, '_> {
    fn comma(&mut self) {
        if !std::mem::take(&mut self.first) {
            self.json.separator(b',');
        }
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JsonError> {
        self.comma();
        value.serialize(&mut *self.json)
    }

    fn name<T: Serialize + ?Sized>(&mut self, name: &T) -> Result<(), JsonError> {
        self.comma();
        self.json.mode = Mode::Key;
        name.serialize(&mut *self.json)?;
        self.json.mode = Mode::Value;
        self.json.separator(b':');
        Ok(())
    }

    fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), JsonError> {
        if self.json.mode == Mode::Value {
            self.name(name)?;
        }
        value.serialize(&mut *self.json)
    }

    fn close(self) {
        self.json.mode = Mode::Value;
        self.json.depth -= self.end.len();
        self.json.out.extend_from_slice(self.end);
    }
}

macro_rules! sequences {
    ($($trait:ident $method:ident)*) => {
        $(impl $trait for Compound<'_, '_> {
            type Ok = ();
            type Error = JsonError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JsonError> {
                self.element(value)
            }

            fn end(self) -> Result<(), JsonError> {
                self.close();
                Ok(())
            }
        })*
    };
}

sequences! {
    SerializeSeq serialize_element
    SerializeTuple serialize_element
    SerializeTupleStruct serialize_field
    SerializeTupleVariant serialize_field
}

impl SerializeMap for Compound<'_, '_> {
    type Ok = ();
    type Error = JsonError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), JsonError> {
        self.name(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JsonError> {
        value.serialize(&mut *self.json)
    }

    fn end(self) -> Result<(), JsonError> {
        self.close();
        Ok(())
    }
}

macro_rules! structs {
    ($($trait:ident)*) => {
        $(impl $trait for Compound<'_, '_> {
            type Ok = ();
            type Error = JsonError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), JsonError> {
                self.member(name, value)
            }

            fn end(self) -> Result<(), JsonError> {
                self.close();
                Ok(())
            }
        })*
    };
}

structs! { SerializeStruct SerializeStructVariant }
