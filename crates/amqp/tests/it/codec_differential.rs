//! The codec against `amq-protocol`: both write the same bytes and read the same from them.

use amq_protocol::{
    frame::{AMQPContentHeader, AMQPFrame, WriteContext, gen_frame, parse_frame},
    protocol::basic,
};
use bergen_amqp::codec::{BasicProperties, ContentHeader, Frame};
use bytes::BytesMut;
use proptest::prelude::*;

use crate::{
    codec_foreign_methods::{all_of_theirs, ours},
    codec_foreign_values::{our_table, their_properties},
    codec_strategies::{blob, palette, properties},
};

const MAX: usize = 131_072;

proptest! {
    #[test]
    fn methods_are_the_same(palette in palette(), channel in any::<u16>()) {
        for class in all_of_theirs(&palette) {
            let our_frame = Frame::Method { channel, method: ours(&class) };
            check(&our_frame, &AMQPFrame::Method(channel, class.clone()))?;
        }
    }

    #[test]
    fn content_headers_are_the_same(
        properties in properties(),
        channel in any::<u16>(),
        body_size in any::<u64>(),
    ) {
        let properties = sorted(properties);
        let theirs = AMQPContentHeader {
            class_id: 60,
            body_size,
            properties: their_properties(&properties),
        };
        let header = ContentHeader { body_size, properties };
        check(&Frame::Header { channel, header }, &AMQPFrame::Header(channel, theirs))?;
    }

    #[test]
    fn bodies_are_the_same(payload in blob(), channel in any::<u16>()) {
        let theirs = AMQPFrame::Body(channel, payload.clone());
        check(&Frame::Body { channel, payload: &payload }, &theirs)?;
    }

    /// Properties in the order in which they were made; theirs would sort the headers.
    #[test]
    fn they_read_what_we_write(properties in properties()) {
        let mut bytes = BytesMut::new();
        properties.encode(&mut bytes).unwrap();
        let (rest, theirs) = basic::parse_properties(&bytes[..]).unwrap();
        prop_assert!(rest.is_empty());
        prop_assert_eq!(theirs, their_properties(&properties));
    }
}

#[test]
fn heartbeats_are_the_same() {
    check(&Frame::Heartbeat, &AMQPFrame::Heartbeat).unwrap();
}

/// Both write the same bytes, and each reads what the other wrote.
fn check(ours: &Frame<'_>, theirs: &AMQPFrame) -> Result<(), TestCaseError> {
    let mut our_bytes = BytesMut::new();
    ours.encode(MAX, &mut our_bytes).unwrap();
    let context = WriteContext::from(Vec::new());
    let (their_bytes, _) = gen_frame(theirs)(context).unwrap().into_inner();
    prop_assert_eq!(&our_bytes[..], &their_bytes[..]);

    let (rest, read_by_them) = parse_frame(&our_bytes[..]).unwrap();
    prop_assert!(rest.is_empty());
    prop_assert_eq!(&read_by_them, theirs);
    let read_by_us = Frame::decode(&their_bytes, MAX).unwrap();
    let (read_by_us, length) = read_by_us.unwrap();
    prop_assert_eq!(length, their_bytes.len());
    prop_assert_eq!(&read_by_us, ours);
    Ok(())
}

/// The same properties with the headers in the order that their table keeps.
fn sorted(properties: BasicProperties<'static>) -> BasicProperties<'static> {
    let theirs = their_properties(&properties);
    let headers = theirs
        .headers()
        .as_ref()
        .map(|table| our_table(table).into_owned());
    BasicProperties {
        headers,
        ..properties
    }
}
