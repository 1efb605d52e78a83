//! Field tables: ordered maps of names to typed values, in methods and in message headers.

use std::borrow::Cow;

use super::{
    error::{DecodeError, EncodeError},
    primitives::{Reader, Wire, Writer},
};

mod value;

pub use value::FieldValue;

/// How deep tables and arrays may nest, the outermost counted.
///
/// Real tables nest two or three deep (`client_properties.capabilities`, `x-death`); the limit is
/// what keeps a hostile table from exhausting the stack.
pub const MAX_DEPTH: usize = 16;

/// A field table: pairs of name and value in the order of the wire.
///
/// A decoded table borrows its names and strings; [`into_owned`](Self::into_owned) frees it from the
/// input. Equality looks at the order too: equal tables have equal bytes.
///
/// The smallest entry takes two bytes on the wire and about 56 in memory, so a table in memory is
/// bounded by a multiple of the frame it came in.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FieldTable<'a>(Vec<(Cow<'a, str>, FieldValue<'a>)>);

impl<'a> FieldTable<'a> {
    /// An empty table. Does not allocate.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Sets `key`, in its old place if it is there already; returns what was there.
    pub fn insert(
        &mut self,
        key: impl Into<Cow<'a, str>>,
        value: impl Into<FieldValue<'a>>,
    ) -> Option<FieldValue<'a>> {
        let (key, value) = (key.into(), value.into());
        let Some((_, slot)) = self.0.iter_mut().rev().find(|(present, _)| *present == key) else {
            self.0.push((key, value));
            return None;
        };
        Some(std::mem::replace(slot, value))
    }

    /// The table with `key` set, for tables written in one expression.
    #[must_use]
    pub fn with(mut self, key: impl Into<Cow<'a, str>>, value: impl Into<FieldValue<'a>>) -> Self {
        self.insert(key, value);
        self
    }

    /// The value of `key`; the last one when a peer sent the key twice, as in a Python dict.
    pub fn get(&self, key: &str) -> Option<&FieldValue<'a>> {
        self.0
            .iter()
            .rev()
            .find(|(present, _)| present == key)
            .map(|(_, value)| value)
    }

    /// Whether `key` is there.
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The pairs in the order of the wire.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &FieldValue<'a>)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), value))
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same table without borrows.
    pub fn into_owned(self) -> FieldTable<'static> {
        FieldTable(
            self.0
                .into_iter()
                .map(|(key, value)| (Cow::Owned(key.into_owned()), value.into_owned()))
                .collect(),
        )
    }

    fn read_at(reader: &mut Reader<'a>, depth: usize) -> Result<Self, DecodeError> {
        if depth > MAX_DEPTH {
            return Err(DecodeError::TooDeep { limit: MAX_DEPTH });
        }
        let mut content = Reader::new(reader.counted("table")?);
        let mut pairs = Vec::new();
        while !content.is_empty() {
            let key = content.short_str()?;
            pairs.push((
                Cow::Borrowed(key),
                FieldValue::read_at(&mut content, depth)?,
            ));
        }
        Ok(Self(pairs))
    }

    fn write_at(&self, writer: &mut Writer<'_>, depth: usize) -> Result<(), EncodeError> {
        if depth > MAX_DEPTH {
            return Err(EncodeError::TooDeep { limit: MAX_DEPTH });
        }
        writer.counted(|writer| {
            for (key, value) in &self.0 {
                writer.short_str(key)?;
                value.write_at(writer, depth)?;
            }
            Ok(())
        })
    }
}

impl<'a> Wire<'a> for FieldTable<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Self::read_at(reader, 1)
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        self.write_at(writer, 1)
    }
}

impl<'a, K: Into<Cow<'a, str>>, V: Into<FieldValue<'a>>> FromIterator<(K, V)> for FieldTable<'a> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        pairs
            .into_iter()
            .fold(Self::new(), |table, (key, value)| table.with(key, value))
    }
}

impl<'a> IntoIterator for FieldTable<'a> {
    type Item = (Cow<'a, str>, FieldValue<'a>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests;
