//! Every method of AMQP 0-9-1 and of RabbitMQ's extensions.
//!
//! One table (`table.rs`) declares ids, sender, answers and fields. Out of it come a struct for each
//! method, the enum [`Method`] over all of them, encoding and decoding, [`METHODS`] and these pages.

use bytes::BytesMut;

use super::{
    error::{DecodeError, EncodeError},
    primitives::{Reader, Wire, Writer},
};

#[macro_use]
mod declare;
mod table;

pub use table::{
    METHODS, Method, access, basic, channel, confirm, connection, exchange, queue, tx,
};

/// Class number and method number.
pub type MethodId = (u16, u16);

/// Which peer may send a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// Only the client.
    Client,
    /// Only the server.
    Server,
    /// Both peers.
    Both,
}

impl Sender {
    /// Whether a client may send it.
    pub fn includes_client(self) -> bool {
        matches!(self, Self::Client | Self::Both)
    }

    /// Whether a server may send it.
    pub fn includes_server(self) -> bool {
        matches!(self, Self::Server | Self::Both)
    }
}

/// What holds for a method whatever its fields are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MethodInfo {
    /// Class and method number.
    pub id: MethodId,
    /// Name in the specification, as `basic.publish`.
    pub name: &'static str,
    /// Who may send it.
    pub sender: Sender,
    /// The methods that answer it; none for an asynchronous method.
    pub replies: &'static [MethodId],
    /// Whether a content header and body frames follow it.
    pub has_content: bool,
}

/// Looks a method up by its numbers, as `close` carries them.
pub fn method_info(id: MethodId) -> Option<&'static MethodInfo> {
    METHODS.iter().find(|info| info.id == id)
}

impl<'a> Method<'a> {
    /// Decodes the payload of a method frame; trailing bytes are an error.
    pub fn decode(payload: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(payload);
        let id = (reader.u16()?, reader.u16()?);
        let method = Self::read_fields(id, &mut reader)?;
        reader.finish()?;
        Ok(method)
    }

    /// Appends the payload of a method frame; on error `buffer` is as before.
    pub fn encode(&self, buffer: &mut BytesMut) -> Result<(), EncodeError> {
        let start = buffer.len();
        let mut writer = Writer::new(buffer);
        let (class_id, method_id) = self.id();
        writer.u16(class_id);
        writer.u16(method_id);
        match self.write_fields(&mut writer) {
            Ok(()) => {
                writer.finish();
                Ok(())
            }
            Err(error) => {
                buffer.truncate(start);
                Err(error)
            }
        }
    }

    /// Class and method number.
    pub fn id(&self) -> MethodId {
        self.info().id
    }

    /// Name in the specification, as `basic.publish`.
    pub fn name(&self) -> &'static str {
        self.info().name
    }

    /// Whether a content header and body frames follow.
    pub fn has_content(&self) -> bool {
        self.info().has_content
    }

    /// Whether the method is one that is answered, unless its `no_wait` is set.
    pub fn is_synchronous(&self) -> bool {
        !self.info().replies.is_empty()
    }

    /// Whether an answer will come to exactly this method.
    pub fn expects_reply(&self) -> bool {
        self.is_synchronous() && !self.no_wait()
    }

    /// Whether this method answers `request`.
    pub fn answers(&self, request: MethodId) -> bool {
        method_info(request).is_some_and(|info| info.replies.contains(&self.id()))
    }
}

/// Bytes that no log may show: credentials in the handshake. `Debug` masks them.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Secret<'a>(pub &'a [u8]);

impl std::fmt::Debug for Secret<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("***")
    }
}

impl<'a> Wire<'a> for Secret<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.long_str().map(Self)
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.long_str(self.0)
    }
}

#[cfg(test)]
mod tests;
