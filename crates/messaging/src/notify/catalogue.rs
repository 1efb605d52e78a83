//! A page about the events of a program.

use std::fmt::Write;

use serde::de::{DeserializeOwned, Deserializer, Visitor};

use super::{EventType, Priority};

#[cfg(test)]
mod tests;

/// What a [`catalogue`] tells of an event type. Every [`EventType`] whose payload can be read has it.
pub trait DescribedEvent {
    /// Its name.
    fn name(&self) -> &'static str;

    /// With which priority it is published.
    fn priority(&self) -> Priority;

    /// What it means; may be empty.
    fn help(&self) -> &'static str;

    /// The members of its payload, by their names on the wire. Empty if the payload is no struct, or one with flattened
    /// parts.
    fn fields(&self) -> &'static [&'static str];
}

impl<P: DeserializeOwned> DescribedEvent for EventType<P> {
    fn name(&self) -> &'static str {
        Self::name(self)
    }

    fn priority(&self) -> Priority {
        Self::priority(self)
    }

    fn help(&self) -> &'static str {
        self.described()
    }

    fn fields(&self) -> &'static [&'static str] {
        let mut fields: &[&str] = &[];
        // Always an error: it has the names by then, and no values.
        let _ = P::deserialize(FieldNames(&mut fields));
        fields
    }
}

/// A page in Markdown about these events, in the order of their names.
///
/// A program that prints it, or a test that compares it with a file, keeps the documentation true.
///
/// ```
/// use bergen_messaging::notify::{EventType, Priority, catalogue};
///
/// #[derive(serde::Deserialize)]
/// struct Reading {
///     celsius: f64,
/// }
///
/// const TEMPERATURE: EventType<Reading> =
///     EventType::new("hardware.temperature", Priority::Sample).help("Read once a minute.");
///
/// assert_eq!(
///     catalogue(&[&TEMPERATURE]),
///     "| event type | priority | payload | |\n\
///      |---|---|---|---|\n\
///      | `hardware.temperature` | sample | `celsius` | Read once a minute. |\n",
/// );
/// ```
pub fn catalogue(events: &[&dyn DescribedEvent]) -> String {
    let mut events = events.to_vec();
    events.sort_by_key(|event| (event.name(), event.priority().lower()));
    let mut page = String::from("| event type | priority | payload | |\n|---|---|---|---|\n");
    for event in events {
        let fields: Vec<_> = event
            .fields()
            .iter()
            .map(|field| format!("`{field}`"))
            .collect();
        let help = event.help().replace('|', "\\|").replace('\n', " ");
        // Writing to a string does not fail.
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {help} |",
            event.name(),
            event.priority(),
            fields.join(", "),
        );
    }
    page
}

/// Reads no value, but sees what a struct would read.
struct FieldNames<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for FieldNames<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(no_value())
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        Err(no_value())
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map enum identifier ignored_any
    }
}

fn no_value() -> serde::de::value::Error {
    serde::de::Error::custom("there is no value")
}
