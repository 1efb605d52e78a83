//! The fourteen properties of a message.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};

use super::{
    error::{DecodeError, EncodeError},
    primitives::{Reader, Wire, Writer},
    table::FieldTable,
};

/// How RabbitMQ keeps a message that is routed to a durable queue: in memory only.
pub const TRANSIENT: u8 = 1;
/// How RabbitMQ keeps a message that is routed to a durable queue: on disk.
pub const PERSISTENT: u8 = 2;

/// Declares the properties in the order of the wire: the first has the highest flag bit.
macro_rules! properties {
    ($( $(#[$doc:meta])* $field:ident: $bit:literal $kind:ident, )*) => {
        /// The properties of a message; all may be missing.
        ///
        /// Decoded properties borrow from the input; [`into_owned`](Self::into_owned) frees them.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct BasicProperties<'a> {
            $( $(#[$doc])* pub $field: Option<property_type!('a $kind)>, )*
        }

        impl BasicProperties<'_> {
            /// The same properties without borrows.
            ///
            /// Content types and encodings that every message of the bus carries stay borrowed from
            /// constants, so owning the properties of a usual message allocates only for its ids.
            pub fn into_owned(self) -> BasicProperties<'static> {
                BasicProperties { $( $field: self.$field.map(Owned::own), )* }
            }

            /// One bit for each property that is there.
            fn flags(&self) -> u16 {
                0 $( | (u16::from(self.$field.is_some()) << $bit) )*
            }
        }

        impl<'a> Wire<'a> for BasicProperties<'a> {
            fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
                let flags = reader.u16()?;
                if flags & UNDEFINED_FLAGS != 0 {
                    return Err(DecodeError::PropertyFlags(flags));
                }
                Ok(Self {
                    $( $field: if flags & (1 << $bit) == 0 { None } else { Some(Wire::read(reader)?) }, )*
                })
            }

            fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
                writer.u16(self.flags());
                $( if let Some(value) = &self.$field { value.write(writer)?; } )*
                Ok(())
            }
        }
    };
}

macro_rules! property_type {
    ($lt:lifetime text) => { Cow<$lt, str> };
    ($lt:lifetime octet) => { u8 };
    ($lt:lifetime seconds) => { u64 };
    ($lt:lifetime table) => { FieldTable<$lt> };
}

properties! {
    /// MIME type of the body.
    content_type: 15 text,
    /// Character set or compression of the body.
    content_encoding: 14 text,
    /// The application's own headers.
    headers: 13 table,
    /// [`TRANSIENT`] or [`PERSISTENT`].
    delivery_mode: 12 octet,
    /// 0 to 9; only queues with `x-max-priority` look at it.
    priority: 11 octet,
    /// The request that this message answers.
    correlation_id: 10 text,
    /// The queue that awaits the answer.
    reply_to: 9 text,
    /// How long the message may wait in a queue: milliseconds in decimal digits.
    expiration: 8 text,
    /// The application's name for this message.
    message_id: 7 text,
    /// Seconds since 1970.
    timestamp: 6 seconds,
    /// The property `type`, whose name is a keyword in Rust.
    kind: 5 text,
    /// The publisher's login; RabbitMQ checks that it is true.
    user_id: 4 text,
    /// The publishing application.
    app_id: 3 text,
    /// A leftover of older versions of AMQP that may still be carried.
    cluster_id: 2 text,
}

impl<'a> BasicProperties<'a> {
    /// Decodes flags and properties; trailing bytes are an error.
    pub fn decode(data: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(data);
        let properties = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(properties)
    }

    /// Appends flags and properties; on error `buffer` is as before.
    pub fn encode(&self, buffer: &mut BytesMut) -> Result<(), EncodeError> {
        let start = buffer.len();
        let mut writer = Writer::new(buffer);
        self.write(&mut writer)
            .inspect_err(|_| buffer.truncate(start))
    }
}

/// Properties that are encoded once and sent many times.
///
/// For publishers whose messages all carry the same properties, and for a broker that passes on what
/// a publisher sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedProperties(Bytes);

impl EncodedProperties {
    /// Encodes `properties`.
    pub fn new(properties: &BasicProperties<'_>) -> Result<Self, EncodeError> {
        let mut buffer = BytesMut::new();
        properties.encode(&mut buffer)?;
        Ok(Self(buffer.freeze()))
    }

    /// Takes bytes that a peer sent, once they are known to be whole properties.
    pub fn from_wire(data: Bytes) -> Result<Self, DecodeError> {
        BasicProperties::decode(&data)?;
        Ok(Self(data))
    }

    /// Flags and properties as they stand on the wire.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The properties; they were checked when this value was made.
    pub fn decode(&self) -> Result<BasicProperties<'_>, DecodeError> {
        BasicProperties::decode(&self.0)
    }
}

/// Bits 0 and 1: the first announces more flags, which class basic does not have.
const UNDEFINED_FLAGS: u16 = 0b11;

/// What nearly every message carries; owning these need not allocate.
const WELL_KNOWN: [&str; 4] = [
    "application/json",
    "utf-8",
    "application/octet-stream",
    "binary",
];

/// A property freed from the input.
trait Owned {
    type Output;

    fn own(self) -> Self::Output;
}

impl Owned for u8 {
    type Output = Self;

    fn own(self) -> Self {
        self
    }
}

impl Owned for u64 {
    type Output = Self;

    fn own(self) -> Self {
        self
    }
}

impl Owned for Cow<'_, str> {
    type Output = Cow<'static, str>;

    fn own(self) -> Self::Output {
        match WELL_KNOWN.into_iter().find(|known| *known == self) {
            Some(known) => Cow::Borrowed(known),
            None => Cow::Owned(self.into_owned()),
        }
    }
}

impl Owned for FieldTable<'_> {
    type Output = FieldTable<'static>;

    fn own(self) -> Self::Output {
        self.into_owned()
    }
}

impl<'a> Wire<'a> for Cow<'a, str> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.short_str().map(Cow::Borrowed)
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.short_str(self)
    }
}

#[cfg(test)]
mod tests;
