//! AMQP's codec: what decodes must encode again, to bytes that decode to the same.

use bergen_amqp::codec::{
    BasicProperties, DecodeError, EncodeError, FieldTable, Frame, Method,
    primitives::{Reader, Wire, Writer},
};
use bytes::BytesMut;

/// Size of whole frames that is agreed by default.
const FRAME_MAX: usize = 131_072;

/// Frames one behind the other, until one is cut or broken.
pub fn frame(data: &[u8]) {
    let mut rest = data;
    while let Ok(Some((frame, length))) = Frame::decode(rest, FRAME_MAX) {
        let once = encoded(|buffer| frame.encode(FRAME_MAX, buffer));
        let Ok(Some((again, whole))) = Frame::decode(&once, FRAME_MAX) else {
            panic!("{frame:?} is encoded to what is no frame: {once:02x?}");
        };
        assert_eq!(whole, once.len(), "{frame:?}");
        assert_eq!(
            encoded(|buffer| again.encode(FRAME_MAX, buffer)),
            once,
            "{frame:?}"
        );
        rest = rest.get(length..).unwrap_or_default();
    }
}

/// The payload of a method frame.
pub fn method(data: &[u8]) {
    survives(data, |data| {
        let method = Method::decode(data)?;
        Ok(encoded(|buffer| method.encode(buffer)))
    });
}

/// Flags and properties of a content header.
pub fn properties(data: &[u8]) {
    survives(data, |data| {
        let properties = BasicProperties::decode(data)?;
        let once = encoded(|buffer| properties.encode(buffer));
        let owned = properties.into_owned();
        assert_eq!(
            encoded(|buffer| owned.encode(buffer)),
            once,
            "owning changes {owned:?}"
        );
        Ok(once)
    });
}

/// A field table.
pub fn table(data: &[u8]) {
    survives(data, |data| {
        let mut reader = Reader::new(data);
        let table = FieldTable::read(&mut reader)?;
        reader.finish()?;
        Ok(encoded(|buffer| table.write(&mut Writer::new(buffer))))
    });
}

/// Decoding and encoding again must come to rest after one turn. Bytes are compared rather than
/// values, as NaN differs from itself.
fn survives(data: &[u8], recode: impl Fn(&[u8]) -> Result<BytesMut, DecodeError>) {
    if let Ok(once) = recode(data) {
        assert_eq!(recode(&once), Ok(once.clone()), "from {data:02x?}");
    }
}

fn encoded(encode: impl FnOnce(&mut BytesMut) -> Result<(), EncodeError>) -> BytesMut {
    let mut buffer = BytesMut::new();
    match encode(&mut buffer) {
        Ok(()) => buffer,
        Err(error) => panic!("what was decoded can't be encoded: {error}"),
    }
}
