use bytes::BytesMut;

use super::*;

#[test]
fn bits_share_octets_and_other_values_end_them() {
    let mut buffer = BytesMut::new();
    let mut writer = Writer::new(&mut buffer);
    for index in 0..9 {
        writer.bit(index % 2 == 0);
    }
    writer.u8(7);
    writer.bit(true);
    writer.finish();
    assert_eq!(&buffer[..], [0b0101_0101, 1, 7, 1]);

    let mut reader = Reader::new(&buffer);
    for index in 0..9 {
        assert_eq!(reader.bit(), Ok(index % 2 == 0), "bit {index}");
    }
    assert_eq!(reader.u8(), Ok(7));
    assert_eq!(reader.bit(), Ok(true));
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn short_strings_have_at_most_255_bytes() {
    let mut buffer = BytesMut::new();
    let mut writer = Writer::new(&mut buffer);
    assert_eq!(writer.short_str(&"x".repeat(255)), Ok(()));
    let error = EncodeError::ShortStringTooLong { length: 256 };
    assert_eq!(writer.short_str(&"x".repeat(256)), Err(error));
    assert_eq!(buffer.len(), 256);
}

#[test]
fn short_strings_are_utf8() {
    assert_eq!(Reader::new(&[2, 0xC3, 0xA9]).short_str(), Ok("é"));
    assert_eq!(
        Reader::new(&[1, 0xC3]).short_str(),
        Err(DecodeError::InvalidUtf8)
    );
}

#[test]
fn a_declared_length_beyond_the_data_is_an_error() {
    let error = DecodeError::Truncated {
        reading: "long string",
    };
    assert_eq!(
        Reader::new(&[0xFF, 0xFF, 0xFF, 0xFF, 1]).long_str(),
        Err(error)
    );
    let error = DecodeError::Truncated {
        reading: "short string",
    };
    assert_eq!(Reader::new(&[3, b'a', b'b']).short_str(), Err(error));
}

#[test]
fn bytes_left_over_are_an_error() {
    let mut reader = Reader::new(&[0, 1, 2]);
    assert_eq!(reader.u16(), Ok(1));
    assert_eq!(
        reader.finish(),
        Err(DecodeError::TrailingBytes { count: 1 })
    );
}
