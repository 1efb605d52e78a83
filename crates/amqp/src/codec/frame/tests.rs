use bytes::Bytes;

use super::*;
use crate::codec::{methods::queue, table::FieldTable};

const MAX: usize = 131_072;

#[test]
fn heartbeats_belong_on_channel_zero_and_are_empty() {
    let mut buffer = BytesMut::new();
    encode_heartbeat(&mut buffer);
    assert_eq!(Frame::decode(&buffer, MAX), Ok(Some((Frame::Heartbeat, 8))));
    assert_eq!(
        Frame::decode(&[8, 0, 3, 0, 0, 0, 0, 0xCE], MAX),
        Err(DecodeError::HeartbeatChannel(3))
    );
    assert_eq!(
        Frame::decode(&[8, 0, 0, 0, 0, 0, 1, 9, 0xCE], MAX),
        Err(DecodeError::TrailingBytes { count: 1 })
    );
}

#[test]
fn a_frame_is_refused_as_soon_as_it_can_be() {
    assert_eq!(FrameStart::decode(&[], MAX), Ok(None));
    assert_eq!(
        FrameStart::decode(b"A", MAX),
        Err(DecodeError::UnknownFrameType(b'A'))
    );
    assert_eq!(FrameStart::decode(&[3, 0, 1, 0], MAX), Ok(None));
    let error = DecodeError::FrameTooLarge {
        size: 4097,
        max: 4096,
    };
    assert_eq!(
        RawFrame::decode(&[3, 0, 1, 0, 0, 0x0F, 0xF9], 4096),
        Err(error)
    );
    assert_eq!(
        RawFrame::decode(&[3, 0, 1, 0, 0, 0x0F, 0xF8], 4096),
        Ok(None)
    );
    let huge = RawFrame::decode(&[3, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF], MAX);
    assert!(
        matches!(huge, Err(DecodeError::FrameTooLarge { max: MAX, .. })),
        "{huge:?}"
    );
}

#[test]
fn the_frame_end_is_checked() {
    let frame = [3, 0, 1, 0, 0, 0, 2, b'h', b'i', 0xCE, 0xFF];
    let expected = RawFrame {
        kind: FrameKind::Body,
        channel: 1,
        payload: b"hi",
    };
    assert_eq!(RawFrame::decode(&frame, MAX), Ok(Some((expected, 10))));
    assert_eq!(RawFrame::decode(&frame[..9], MAX), Ok(None));
    let mut broken = frame;
    broken[9] = 0;
    assert_eq!(
        RawFrame::decode(&broken, MAX),
        Err(DecodeError::FrameEnd(0))
    );
}

#[test]
fn a_content_header_is_of_class_basic() {
    let header = ContentHeader {
        body_size: 5,
        ..ContentHeader::default()
    };
    let mut buffer = BytesMut::new();
    encode_header(1, 5, &header.properties, MAX, &mut buffer).unwrap();
    let expected = [
        2, 0, 1, 0, 0, 0, 14, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 206,
    ];
    assert_eq!(&buffer[..], expected);
    let payload = &buffer[FrameStart::SIZE..buffer.len() - 1];
    assert_eq!(payload.len(), CONTENT_HEADER_PREFIX + 2);
    assert_eq!(ContentHeader::decode(payload), Ok(header));

    let mut other = payload.to_vec();
    other[1] = 50;
    assert_eq!(
        ContentHeader::decode(&other),
        Err(DecodeError::ContentClass(50))
    );
}

#[test]
fn prepared_properties_make_the_same_header() {
    let properties = BasicProperties {
        content_type: Some("application/json".into()),
        headers: Some(FieldTable::new().with("a", 1)),
        ..BasicProperties::default()
    };
    let (mut plain, mut prepared) = (BytesMut::new(), BytesMut::new());
    encode_header(3, 1 << 40, &properties, MAX, &mut plain).unwrap();
    let encoded = EncodedProperties::new(&properties).unwrap();
    encode_header_with(3, 1 << 40, &encoded, MAX, &mut prepared).unwrap();
    assert_eq!(plain, prepared);
}

#[test]
fn the_ready_made_ack_is_the_method() {
    for (channel, delivery_tag, multiple) in [(1, 1, false), (0x0102, u64::MAX - 1, true)] {
        let (mut ready, mut made) = (BytesMut::new(), BytesMut::new());
        encode_ack(channel, delivery_tag, multiple, &mut ready);
        let method = basic::Ack {
            delivery_tag,
            multiple,
        }
        .into();
        encode_method(channel, &method, MAX, &mut made).unwrap();
        assert_eq!(ready, made);
    }
}

#[test]
fn a_method_too_large_for_a_frame_is_not_written() {
    let long = "x".repeat(5000);
    let method = Method::from(queue::Declare {
        arguments: FieldTable::new().with("long", long.as_str()),
        ..queue::Declare::default()
    });
    let mut buffer = BytesMut::from(&b"before"[..]);
    let error = encode_method(1, &method, FRAME_MIN_SIZE, &mut buffer).unwrap_err();
    assert!(
        matches!(
            error,
            EncodeError::FrameTooLarge {
                max: FRAME_MIN_SIZE,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(&buffer[..], b"before");
    assert_eq!(encode_method(1, &method, MAX, &mut buffer), Ok(()));
}

#[test]
fn bodies_are_split_to_fit_and_end() {
    let chunk = FRAME_MIN_SIZE - FRAME_OVERHEAD;
    for length in [0, 1, chunk, chunk + 1, 3 * chunk, 3 * chunk + 7] {
        let body = Bytes::from(vec![7; length]);
        let pieces: Vec<_> = body_chunks(body.clone(), FRAME_MIN_SIZE).collect();
        assert_eq!(pieces.len(), length.div_ceil(chunk));
        assert_eq!(
            body_chunks(body.clone(), FRAME_MIN_SIZE).len(),
            pieces.len()
        );
        assert_eq!(pieces.concat(), body);

        let (mut copied, mut pieced) = (BytesMut::new(), BytesMut::new());
        encode_body(9, &body, FRAME_MIN_SIZE, &mut copied).unwrap();
        for piece in &pieces {
            let payload = &piece[..];
            Frame::Body {
                channel: 9,
                payload,
            }
            .encode(FRAME_MIN_SIZE, &mut pieced)
            .unwrap();
        }
        assert_eq!(copied, pieced);
    }
}

#[test]
fn a_frame_max_below_the_minimum_counts_as_the_minimum() {
    for frame_max in [0, 1, 8, 4095, 4096] {
        assert_eq!(max_chunk(frame_max), 4088);
    }
    assert_eq!(max_chunk(MAX), MAX - 8);
}

#[test]
fn only_version_0_9_1_is_spoken() {
    assert_eq!(decode_protocol_header(&PROTOCOL_HEADER), Ok(Some(())));
    assert_eq!(decode_protocol_header(&PROTOCOL_HEADER[..7]), Ok(None));
    let other = *b"AMQP\x00\x01\x00\x00";
    assert_eq!(
        decode_protocol_header(&other),
        Err(DecodeError::ProtocolHeader(other))
    );
    assert_eq!(
        decode_protocol_header(b"GET / HTTP/1.1"),
        Err(DecodeError::ProtocolHeader(*b"GET / HT"))
    );
}

#[test]
fn errors_carry_the_code_to_close_with() {
    assert_eq!(DecodeError::FrameEnd(0).reply_code(), 501);
    assert_eq!(DecodeError::InvalidUtf8.reply_code(), 501);
    assert_eq!(
        DecodeError::UnknownMethod {
            class_id: 1,
            method_id: 1
        }
        .reply_code(),
        503
    );
}
