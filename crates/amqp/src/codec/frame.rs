//! Frames: type, channel, length, payload, end. Everything on the wire but the first eight bytes.

use bytes::{BufMut, BytesMut};

use super::{
    error::{DecodeError, EncodeError},
    methods::{Method, basic},
    primitives::{Reader, Wire, Writer, length_u32, patch_u32},
    properties::{BasicProperties, EncodedProperties},
};

mod body;

pub use body::{BodyChunks, body_chunks, body_frame_start, encode_body, max_chunk};

/// What a client sends first: "AMQP", 0, and version 0-9-1. A server that speaks another version
/// sends its own header and hangs up.
pub const PROTOCOL_HEADER: [u8; 8] = *b"AMQP\x00\x00\x09\x01";
/// The byte behind every payload.
pub const FRAME_END: u8 = 0xCE;
/// Bytes of a frame that are not payload: seven in front, one behind.
pub const FRAME_OVERHEAD: usize = 8;
/// Every peer takes frames of this size in bytes, also before limits are agreed.
pub const FRAME_MIN_SIZE: usize = 4096;

/// A decoded frame.
#[derive(Debug, Clone, PartialEq)]
#[allow(
    clippy::large_enum_variant,
    reason = "looked at and dropped, a box would cost an allocation"
)]
pub enum Frame<'a> {
    /// A method.
    Method {
        /// Channel number.
        channel: u16,
        /// The method.
        method: Method<'a>,
    },
    /// The header of a content: size and properties.
    Header {
        /// Channel number.
        channel: u16,
        /// The header.
        header: ContentHeader<'a>,
    },
    /// A piece of a content's body.
    Body {
        /// Channel number.
        channel: u16,
        /// The piece.
        payload: &'a [u8],
    },
    /// A sign of life.
    Heartbeat,
}

impl<'a> Frame<'a> {
    /// Decodes the frame at the front of `buf` and its length; `None` while it is not whole.
    ///
    /// `max_size` is the agreed size of a whole frame in bytes.
    pub fn decode(buf: &'a [u8], max_size: usize) -> Result<Option<(Self, usize)>, DecodeError> {
        match RawFrame::decode(buf, max_size)? {
            Some((raw, length)) => Ok(Some((raw.parse()?, length))),
            None => Ok(None),
        }
    }

    /// Channel number.
    pub fn channel(&self) -> u16 {
        match self {
            Self::Method { channel, .. }
            | Self::Header { channel, .. }
            | Self::Body { channel, .. } => *channel,
            Self::Heartbeat => 0,
        }
    }

    /// Appends the frame; on error `buffer` is as before.
    pub fn encode(&self, max_size: usize, buffer: &mut BytesMut) -> Result<(), EncodeError> {
        match self {
            Self::Method { channel, method } => encode_method(*channel, method, max_size, buffer),
            Self::Header { channel, header } => encode_header(
                *channel,
                header.body_size,
                &header.properties,
                max_size,
                buffer,
            ),
            Self::Body { channel, payload } => {
                encode_frame(FrameKind::Body, *channel, max_size, buffer, |buffer| {
                    buffer.put_slice(payload);
                    Ok(())
                })
            }
            Self::Heartbeat => {
                encode_heartbeat(buffer);
                Ok(())
            }
        }
    }
}

/// The four types of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameKind {
    /// A method.
    Method = 1,
    /// A content header.
    Header = 2,
    /// A piece of a content body.
    Body = 3,
    /// A heartbeat.
    Heartbeat = 8,
}

impl TryFrom<u8> for FrameKind {
    type Error = DecodeError;

    fn try_from(octet: u8) -> Result<Self, DecodeError> {
        match octet {
            1 => Ok(Self::Method),
            2 => Ok(Self::Header),
            3 => Ok(Self::Body),
            8 => Ok(Self::Heartbeat),
            other => Err(DecodeError::UnknownFrameType(other)),
        }
    }
}

/// The seven bytes in front of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameStart {
    /// Type.
    pub kind: FrameKind,
    /// Channel number.
    pub channel: u16,
    /// Length of the payload in bytes.
    pub payload_len: usize,
}

impl FrameStart {
    /// Size in bytes.
    pub const SIZE: usize = 7;

    /// Decodes the front of a frame; `None` while it is not whole.
    ///
    /// Type and size are checked as soon as they are there, so that nobody waits for, or makes room
    /// for, a frame that will be refused.
    pub fn decode(buf: &[u8], max_size: usize) -> Result<Option<Self>, DecodeError> {
        let Some(&octet) = buf.first() else {
            return Ok(None);
        };
        let kind = FrameKind::try_from(octet)?;
        let Some(&[_, c0, c1, l0, l1, l2, l3]) = buf.first_chunk::<{ Self::SIZE }>() else {
            return Ok(None);
        };
        let channel = u16::from_be_bytes([c0, c1]);
        let payload_len =
            usize::try_from(u32::from_be_bytes([l0, l1, l2, l3])).unwrap_or(usize::MAX);
        let size = payload_len.saturating_add(FRAME_OVERHEAD);
        if size > max_size {
            return Err(DecodeError::FrameTooLarge {
                size,
                max: max_size,
            });
        }
        Ok(Some(Self {
            kind,
            channel,
            payload_len,
        }))
    }

    /// Size of the whole frame in bytes.
    pub fn frame_len(self) -> usize {
        self.payload_len + FRAME_OVERHEAD
    }
}

/// A whole frame whose payload is not decoded yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawFrame<'a> {
    /// Type.
    pub kind: FrameKind,
    /// Channel number.
    pub channel: u16,
    /// What stands between the first seven bytes and the last.
    pub payload: &'a [u8],
}

impl<'a> RawFrame<'a> {
    /// Takes the frame at the front of `buf` and says how long it is; `None` while it is not whole.
    ///
    /// `max_size` is the agreed size of a whole frame in bytes.
    pub fn decode(buf: &'a [u8], max_size: usize) -> Result<Option<(Self, usize)>, DecodeError> {
        let Some(start) = FrameStart::decode(buf, max_size)? else {
            return Ok(None);
        };
        let end = FrameStart::SIZE + start.payload_len;
        match (buf.get(FrameStart::SIZE..end), buf.get(end)) {
            (Some(payload), Some(&FRAME_END)) => {
                let frame = Self {
                    kind: start.kind,
                    channel: start.channel,
                    payload,
                };
                Ok(Some((frame, start.frame_len())))
            }
            (_, Some(&other)) => Err(DecodeError::FrameEnd(other)),
            (_, None) => Ok(None),
        }
    }

    /// Decodes the payload.
    pub fn parse(self) -> Result<Frame<'a>, DecodeError> {
        let channel = self.channel;
        Ok(match self.kind {
            FrameKind::Method => Frame::Method {
                channel,
                method: Method::decode(self.payload)?,
            },
            FrameKind::Header => Frame::Header {
                channel,
                header: ContentHeader::decode(self.payload)?,
            },
            FrameKind::Body => Frame::Body {
                channel,
                payload: self.payload,
            },
            FrameKind::Heartbeat if channel != 0 => {
                return Err(DecodeError::HeartbeatChannel(channel));
            }
            FrameKind::Heartbeat if !self.payload.is_empty() => {
                return Err(DecodeError::TrailingBytes {
                    count: self.payload.len(),
                });
            }
            FrameKind::Heartbeat => Frame::Heartbeat,
        })
    }
}

/// The header of a content. The class is always basic.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ContentHeader<'a> {
    /// Size in bytes of all body frames that follow.
    pub body_size: u64,
    /// The message's properties.
    pub properties: BasicProperties<'a>,
}

impl<'a> ContentHeader<'a> {
    /// Decodes the payload of a header frame; trailing bytes are an error.
    pub fn decode(payload: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(payload);
        let class_id = reader.u16()?;
        if class_id != basic::CLASS_ID {
            return Err(DecodeError::ContentClass(class_id));
        }
        // The weight, a leftover of older versions.
        reader.u16()?;
        let body_size = reader.u64()?;
        let properties = BasicProperties::read(&mut reader)?;
        reader.finish()?;
        Ok(Self {
            body_size,
            properties,
        })
    }
}

/// Bytes of a header frame's payload that stand before the properties.
pub const CONTENT_HEADER_PREFIX: usize = 12;

/// Checks the first eight bytes that a client sent; `None` while they are not whole.
///
/// An error should be answered with [`PROTOCOL_HEADER`] and the end of the connection.
pub fn decode_protocol_header(buf: &[u8]) -> Result<Option<()>, DecodeError> {
    match buf.first_chunk::<8>() {
        Some(&PROTOCOL_HEADER) => Ok(Some(())),
        Some(other) => Err(DecodeError::ProtocolHeader(*other)),
        None => Ok(None),
    }
}

/// Appends a method frame; on error `buffer` is as before.
pub fn encode_method(
    channel: u16,
    method: &Method<'_>,
    max_size: usize,
    buffer: &mut BytesMut,
) -> Result<(), EncodeError> {
    encode_frame(FrameKind::Method, channel, max_size, buffer, |buffer| {
        method.encode(buffer)
    })
}

/// Appends a content header frame; on error `buffer` is as before.
pub fn encode_header(
    channel: u16,
    body_size: u64,
    properties: &BasicProperties<'_>,
    max_size: usize,
    buffer: &mut BytesMut,
) -> Result<(), EncodeError> {
    encode_frame(FrameKind::Header, channel, max_size, buffer, |buffer| {
        let mut writer = Writer::new(buffer);
        header_prefix(body_size, &mut writer);
        properties.write(&mut writer)
    })
}

/// Appends a content header frame whose properties are encoded already.
pub fn encode_header_with(
    channel: u16,
    body_size: u64,
    properties: &EncodedProperties,
    max_size: usize,
    buffer: &mut BytesMut,
) -> Result<(), EncodeError> {
    encode_frame(FrameKind::Header, channel, max_size, buffer, |buffer| {
        let mut writer = Writer::new(buffer);
        header_prefix(body_size, &mut writer);
        writer.bytes(properties.as_bytes());
        Ok(())
    })
}

/// Appends a heartbeat.
pub fn encode_heartbeat(buffer: &mut BytesMut) {
    buffer.put_slice(&[FrameKind::Heartbeat as u8, 0, 0, 0, 0, 0, 0, FRAME_END]);
}

/// Appends the frame of a `basic.ack`, of which there is one for nearly every delivery.
pub fn encode_ack(channel: u16, delivery_tag: u64, multiple: bool, buffer: &mut BytesMut) {
    const PAYLOAD: u8 = 13;
    let [c0, c1] = channel.to_be_bytes();
    let [t0, t1, t2, t3, t4, t5, t6, t7] = delivery_tag.to_be_bytes();
    let multiple = u8::from(multiple);
    #[rustfmt::skip]
    buffer.put_slice(&[
        FrameKind::Method as u8, c0, c1, 0, 0, 0, PAYLOAD,
        0, 60, 0, 80,
        t0, t1, t2, t3, t4, t5, t6, t7,
        multiple,
        FRAME_END,
    ]);
}

fn header_prefix(body_size: u64, writer: &mut Writer<'_>) {
    writer.u16(basic::CLASS_ID);
    writer.u16(0);
    writer.u64(body_size);
}

/// Writes a frame around what `payload` writes, and takes it all back on error.
fn encode_frame(
    kind: FrameKind,
    channel: u16,
    max_size: usize,
    buffer: &mut BytesMut,
    payload: impl FnOnce(&mut BytesMut) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = buffer.len();
    let [c0, c1] = channel.to_be_bytes();
    buffer.put_slice(&[kind as u8, c0, c1, 0, 0, 0, 0]);
    let written = payload(buffer).and_then(|()| {
        let payload_len = buffer.len() - start - FrameStart::SIZE;
        let size = payload_len + FRAME_OVERHEAD;
        if size > max_size {
            return Err(EncodeError::FrameTooLarge {
                size,
                max: max_size,
            });
        }
        length_u32(payload_len)
    });
    match written {
        Ok(length) => {
            patch_u32(buffer, start + 3, length);
            buffer.put_u8(FRAME_END);
            Ok(())
        }
        Err(error) => {
            buffer.truncate(start);
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests;
