//! Integers, strings and packed bits: the atoms of methods, properties and tables.

use bytes::{BufMut, BytesMut};

use super::error::{DecodeError, EncodeError};

/// A value that is a field of a method.
pub trait Wire<'a>: Sized {
    /// Reads the value and moves the reader behind it.
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError>;

    /// Appends the value.
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError>;
}

/// Reads values from a slice, front to back; results borrow from the slice.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    bits: u8,
    bits_left: u8,
}

impl<'a> Reader<'a> {
    /// A reader at the front of `data`.
    pub fn new(data: &'a [u8]) -> Self {
        Self {
            rest: data,
            bits: 0,
            bits_left: 0,
        }
    }

    /// Whether everything has been read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Ends the reading; an error when bytes are left.
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(DecodeError::TrailingBytes { count }),
        }
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array("octet").map(u8::from_be_bytes)
    }

    /// Two bytes, big endian, as all integers.
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array("short integer").map(u16::from_be_bytes)
    }

    /// Four bytes.
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array("long integer").map(u32::from_be_bytes)
    }

    /// Eight bytes.
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array("long long integer").map(u64::from_be_bytes)
    }

    /// One bit. Bits that follow each other share an octet, the first in its lowest place.
    pub fn bit(&mut self) -> Result<bool, DecodeError> {
        if self.bits_left == 0 {
            let [octet] = self.array("bit")?;
            self.bits = octet;
            self.bits_left = 8;
        }
        let set = self.bits & 1 == 1;
        self.bits >>= 1;
        self.bits_left -= 1;
        Ok(set)
    }

    /// A text of at most 255 bytes.
    pub fn short_str(&mut self) -> Result<&'a str, DecodeError> {
        let length = self.u8()?;
        let text = self.take(usize::from(length), "short string")?;
        std::str::from_utf8(text).map_err(|_| DecodeError::InvalidUtf8)
    }

    /// Bytes behind a 32-bit length.
    pub fn long_str(&mut self) -> Result<&'a [u8], DecodeError> {
        self.counted("long string")
    }

    /// What a 32-bit length announces; `what` names it in the error.
    pub(crate) fn counted(&mut self, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let length = self.u32()?;
        self.take(usize::try_from(length).unwrap_or(usize::MAX), what)
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(
        &mut self,
        what: &'static str,
    ) -> Result<[u8; N], DecodeError> {
        let (array, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(DecodeError::Truncated { reading: what })?;
        self.rest = rest;
        self.bits_left = 0;
        Ok(*array)
    }

    fn take(&mut self, length: usize, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(DecodeError::Truncated { reading: what })?;
        self.rest = rest;
        self.bits_left = 0;
        Ok(taken)
    }
}

/// Appends values to a buffer.
///
/// Bits are gathered and leave with the next other value or with [`finish`](Self::finish).
#[derive(Debug)]
pub struct Writer<'b> {
    buffer: &'b mut BytesMut,
    bits: u8,
    bit_count: u8,
}

impl<'b> Writer<'b> {
    /// A writer that appends to `buffer`.
    pub fn new(buffer: &'b mut BytesMut) -> Self {
        Self {
            buffer,
            bits: 0,
            bit_count: 0,
        }
    }

    /// Writes the bits that are still gathered.
    pub fn finish(mut self) {
        self.flush_bits();
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) {
        self.bytes(&[value]);
    }

    /// Two bytes, big endian, as all integers.
    pub fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    /// Four bytes.
    pub fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    /// Eight bytes.
    pub fn u64(&mut self, value: u64) {
        self.bytes(&value.to_be_bytes());
    }

    /// One bit.
    pub fn bit(&mut self, value: bool) {
        if self.bit_count == 8 {
            self.flush_bits();
        }
        self.bits |= u8::from(value) << self.bit_count;
        self.bit_count += 1;
    }

    /// A text of at most 255 bytes.
    pub fn short_str(&mut self, text: &str) -> Result<(), EncodeError> {
        let length = u8::try_from(text.len())
            .map_err(|_| EncodeError::ShortStringTooLong { length: text.len() })?;
        self.u8(length);
        self.buffer.put_slice(text.as_bytes());
        Ok(())
    }

    /// Bytes behind a 32-bit length.
    pub fn long_str(&mut self, data: &[u8]) -> Result<(), EncodeError> {
        self.u32(length_u32(data.len())?);
        self.buffer.put_slice(data);
        Ok(())
    }

    /// Bytes as they are.
    pub(crate) fn bytes(&mut self, data: &[u8]) {
        self.flush_bits();
        self.buffer.put_slice(data);
    }

    /// Writes what `content` writes, behind its 32-bit length.
    pub(crate) fn counted(
        &mut self,
        content: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.u32(0);
        let start = self.buffer.len();
        content(self)?;
        self.flush_bits();
        let length = length_u32(self.buffer.len() - start)?;
        patch_u32(self.buffer, start - 4, length);
        Ok(())
    }

    fn flush_bits(&mut self) {
        if self.bit_count > 0 {
            self.buffer.put_u8(self.bits);
            self.bits = 0;
            self.bit_count = 0;
        }
    }
}

/// Overwrites four bytes that were written before at `at`.
pub(crate) fn patch_u32(buffer: &mut BytesMut, at: usize, value: u32) {
    if let Some(slot) = buffer.get_mut(at..at + 4) {
        slot.copy_from_slice(&value.to_be_bytes());
    }
}

/// A length as the 32 bits of the wire.
pub(crate) fn length_u32(length: usize) -> Result<u32, EncodeError> {
    u32::try_from(length).map_err(|_| EncodeError::TooLong { length })
}

macro_rules! integers {
    ($($integer:ident),*) => { $(
        impl<'a> Wire<'a> for $integer {
            fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
                reader.$integer()
            }

            fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
                writer.$integer(*self);
                Ok(())
            }
        }
    )* };
}

integers!(u8, u16, u32, u64);

impl<'a> Wire<'a> for bool {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.bit()
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.bit(*self);
        Ok(())
    }
}

impl<'a> Wire<'a> for &'a str {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.short_str()
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.short_str(self)
    }
}

impl<'a> Wire<'a> for &'a [u8] {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.long_str()
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.long_str(self)
    }
}

#[cfg(test)]
mod tests;
