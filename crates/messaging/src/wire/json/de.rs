//! The tolerant deserializer: reads what `serde_json` refuses of Python's JSON.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::value::{BorrowedStrDeserializer, StringDeserializer};
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::serde_impls::RAW_JSON;
use super::string::{Lone, unescape};
use super::tape::Tape;
use super::{JsonError, JsonKind};

impl de::Error for JsonError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Mismatch(message.to_string())
    }
}

/// One value of an indexed text.
#[derive(Clone, Copy)]
pub(super) struct Value<'t, 'de> {
    pub(super) tape: &'t Tape<'de>,
    pub(super) node: usize,
}

impl<'de> Value<'_, 'de> {
    fn kind(self) -> JsonKind {
        self.tape.kind(self.node)
    }

    fn string(self) -> Result<Cow<'de, str>, JsonError> {
        unescape(self.tape.escaped(self.node), Lone::Refuse)
    }

    fn child(self, node: usize) -> Self {
        Self {
            tape: self.tape,
            node,
        }
    }

    /// The last value of each name, in the order of the text.
    fn members(self) -> Result<Vec<(Cow<'de, str>, Self)>, JsonError> {
        let mut members: Vec<(Cow<'de, str>, Self)> = Vec::new();
        let mut seen: HashMap<Cow<'de, str>, usize> = HashMap::new();
        let mut children = self.tape.children(self.node);
        while let (Some(key), Some(value)) = (children.next(), children.next()) {
            let (key, value) = (self.child(key).string()?, self.child(value));
            if let Some(member) = seen.get(&key).and_then(|index| members.get_mut(*index)) {
                member.1 = value;
            } else {
                seen.insert(key.clone(), members.len());
                members.push((key, value));
            }
        }
        Ok(members)
    }
}

impl<'de> Deserializer<'de> for Value<'_, 'de> {
    type Error = JsonError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        let text = self.tape.text(self.node);
        match self.kind() {
            JsonKind::Null => visitor.visit_unit(),
            JsonKind::Bool => visitor.visit_bool(text == "true"),
            JsonKind::Number => visit_number(text, visitor),
            JsonKind::String => match self.string()? {
                Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
                Cow::Owned(text) => visitor.visit_string(text),
            },
            JsonKind::Array => {
                let elements = self.tape.children(self.node).map(|node| self.child(node));
                visitor.visit_seq(Sequence(elements))
            }
            JsonKind::Object => {
                let members = self.members()?.into_iter();
                visitor.visit_map(Map {
                    members,
                    value: None,
                })
            }
        }
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.tape.text(self.node).parse() {
            Ok(number) => visitor.visit_i128(number),
            Err(_) => self.deserialize_any(visitor),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.tape.text(self.node).parse() {
            Ok(number) => visitor.visit_u128(number),
            Err(_) => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.kind() {
            JsonKind::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        match name {
            RAW_JSON => visitor.visit_str(self.tape.text(self.node)),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        let (variant, value) = match self.kind() {
            JsonKind::String => (self.string()?, None),
            JsonKind::Object => match <[_; 1]>::try_from(self.members()?) {
                Ok([(variant, value)]) => (variant, Some(value)),
                Err(_) => return Err(de::Error::custom(format!("{name}: expected one variant"))),
            },
            _ => return self.deserialize_any(visitor),
        };
        visitor.visit_enum(Variant { variant, value })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct identifier
    }
}

impl<'de> IntoDeserializer<'de, JsonError> for Value<'_, 'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

struct Sequence<I>(I);

impl<'t, 'de: 't, I: Iterator<Item = Value<'t, 'de>>> SeqAccess<'de> for Sequence<I> {
    type Error = JsonError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, JsonError> {
        self.0
            .next()
            .map(|value| seed.deserialize(value))
            .transpose()
    }
}

struct Map<'t, 'de> {
    members: std::vec::IntoIter<(Cow<'de, str>, Value<'t, 'de>)>,
    value: Option<Value<'t, 'de>>,
}

impl<'de> MapAccess<'de> for Map<'_, 'de> {
    type Error = JsonError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, JsonError> {
        let Some((key, value)) = self.members.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        seed.deserialize(Key(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, JsonError> {
        let value = self.value.take();
        seed.deserialize(value.ok_or_else(|| JsonError::Mismatch("value without a name".into()))?)
    }
}

/// A member's name, which may stand for the number, boolean or null that the key of a Python
/// dictionary was.
struct Key<'de>(Cow<'de, str>);

impl<'de> Key<'de> {
    fn parsed<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.0.as_ref() {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            text => match text.parse::<f64>() {
                Ok(_) => visit_number(text, visitor),
                Err(_) => self.deserialize_any(visitor),
            },
        }
    }
}

macro_rules! parsed_keys {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
            self.parsed(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = JsonError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.0 {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    parsed_keys! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_u128 deserialize_f32 deserialize_f64
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        visitor.visit_enum(Variant {
            variant: self.0,
            value: None,
        })
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

/// An enum: a string for a unit variant, else an object with the variant's name as its only key.
struct Variant<'t, 'de> {
    variant: Cow<'de, str>,
    value: Option<Value<'t, 'de>>,
}

impl<'t, 'de> EnumAccess<'de> for Variant<'t, 'de> {
    type Error = JsonError;
    type Variant = Content<'t, 'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), JsonError> {
        let variant = match self.variant {
            Cow::Borrowed(text) => seed.deserialize(BorrowedStrDeserializer::new(text)),
            Cow::Owned(text) => seed.deserialize(StringDeserializer::new(text)),
        };
        Ok((variant?, Content(self.value)))
    }
}

struct Content<'t, 'de>(Option<Value<'t, 'de>>);

impl<'t, 'de> Content<'t, 'de> {
    fn value(self) -> Result<Value<'t, 'de>, JsonError> {
        self.0
            .ok_or_else(|| JsonError::Mismatch("variant without its value".into()))
    }
}

impl<'de> VariantAccess<'de> for Content<'_, 'de> {
    type Error = JsonError;

    fn unit_variant(self) -> Result<(), JsonError> {
        match self.0 {
            Some(value) => de::Deserialize::deserialize(value),
            None => Ok(()),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, JsonError> {
        seed.deserialize(self.value()?)
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        self.value()?.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        self.value()?.deserialize_any(visitor)
    }
}

/// Shows a number to a visitor as `serde_json` would, and Python's tokens as floats.
fn visit_number<'de, V: Visitor<'de>>(text: &str, visitor: V) -> Result<V::Value, JsonError> {
    if let Ok(number) = text.parse() {
        return visitor.visit_u64(number);
    }
    if let Ok(number) = text.parse() {
        return visitor.visit_i64(number);
    }
    match text.parse() {
        Ok(number) => visitor.visit_f64(number),
        Err(_) => Err(JsonError::Mismatch(format!("number {text} out of range"))),
    }
}
