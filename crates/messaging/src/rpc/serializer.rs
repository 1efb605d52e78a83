//! A program's own treatment of arguments, results and contexts on their way to and from the wire.

use crate::wire::{Context, RawJson};

/// Converts entities (each argument, each result) and contexts. Every method defaults to passing on what it gets.
///
/// Mirrors the peer's `Serializer`: entities are converted one by one, with the context at hand.
pub trait Serializer: Send + Sync + 'static {
    /// Converts an argument before it is sent by a client, or a result before it is sent by a server.
    ///
    /// # Errors
    /// What is wrong with the entity; the call fails, or the failure is answered.
    fn serialize_entity(
        &self,
        context: &Context,
        entity: RawJson,
    ) -> Result<RawJson, SerializeError> {
        let _ = context;
        Ok(entity)
    }

    /// Converts an argument that a server received, or a result that a client received.
    ///
    /// # Errors
    /// What is wrong with the entity; the call fails, or the failure is answered.
    fn deserialize_entity(
        &self,
        context: &Context,
        entity: RawJson,
    ) -> Result<RawJson, SerializeError> {
        let _ = context;
        Ok(entity)
    }

    /// Converts the context before it is sent.
    ///
    /// # Errors
    /// What is wrong with the context; nothing is sent.
    fn serialize_context(&self, context: &Context) -> Result<Context, SerializeError> {
        Ok(context.clone())
    }

    /// Converts a context that was received.
    ///
    /// # Errors
    /// What is wrong with the context; the failure is answered.
    fn deserialize_context(&self, context: Context) -> Result<Context, SerializeError> {
        Ok(context)
    }
}

/// A serializer's refusal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct SerializeError {
    cause: String,
}

impl SerializeError {
    /// Says what is wrong, and with what.
    pub fn new(cause: impl Into<String>) -> Self {
        Self {
            cause: cause.into(),
        }
    }
}

/// Applies `convert` to each member of an argument object.
pub(super) fn convert_members(
    arguments: &RawJson,
    mut convert: impl FnMut(RawJson) -> Result<RawJson, SerializeError>,
) -> Result<super::Arguments, SerializeError> {
    let mut converted = super::Arguments::new();
    for (name, value) in arguments.members() {
        converted.insert(name.as_str().to_owned(), convert(value)?);
    }
    Ok(converted)
}
