//! The codec against itself: what is encoded decodes to the same, and damage is noticed.

use bergen_amqp::codec::{
    BasicProperties, ContentHeader, Frame, Method, frame,
    methods::{METHODS, queue},
};
use bytes::BytesMut;
use proptest::prelude::*;

use crate::{
    codec_foreign_methods::{all_of_theirs, ours},
    codec_strategies::{palette, properties, table},
};

const MAX: usize = 131_072;

proptest! {
    #[test]
    fn every_method_survives(palette in palette()) {
        for theirs in &all_of_theirs(&palette) {
            let method = ours(theirs);
            let bytes = encode(&method);
            prop_assert_eq!(Method::decode(&bytes), Ok(method));
        }
    }

    #[test]
    fn tables_survive(table in table()) {
        // Through a method, as tables never travel alone; in their own order, as `ours` sorts.
        let method = Method::from(queue::Declare { arguments: table, ..queue::Declare::default() });
        let bytes = encode(&method);
        prop_assert_eq!(Method::decode(&bytes), Ok(method));
    }

    #[test]
    fn properties_survive(properties in properties()) {
        let mut bytes = BytesMut::new();
        properties.encode(&mut bytes).unwrap();
        let decoded = BasicProperties::decode(&bytes).unwrap();
        prop_assert_eq!(&decoded, &properties);
        prop_assert_eq!(decoded.into_owned(), properties);
    }

    #[test]
    fn frames_survive_one_behind_the_other(
        palette in palette(),
        properties in properties(),
        channel in any::<u16>(),
        body_size in any::<u64>(),
    ) {
        let theirs = all_of_theirs(&palette);
        let mut frames: Vec<_> =
            theirs.iter().map(|theirs| Frame::Method { channel, method: ours(theirs) }).collect();
        frames.push(Frame::Header { channel, header: ContentHeader { body_size, properties } });
        frames.push(Frame::Body { channel, payload: &palette.blobs[0] });
        frames.push(Frame::Heartbeat);

        let mut bytes = BytesMut::new();
        for frame in &frames {
            frame.encode(MAX, &mut bytes).unwrap();
        }
        let mut rest = &bytes[..];
        for frame in frames {
            let (decoded, length) = Frame::decode(rest, MAX).unwrap().unwrap();
            prop_assert_eq!(decoded, frame);
            rest = &rest[length..];
        }
        prop_assert!(rest.is_empty());
    }
}

proptest! {
    // Each case looks at every cut of sixty-odd methods.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_method_cut_anywhere_is_an_error(palette in palette()) {
        for theirs in &all_of_theirs(&palette) {
            let bytes = encode(&ours(theirs));
            for cut in 0..bytes.len() {
                prop_assert!(Method::decode(&bytes[..cut]).is_err(), "{theirs:?} at {cut}");
            }
        }
    }

    #[test]
    fn properties_cut_anywhere_are_an_error(properties in properties()) {
        let mut bytes = BytesMut::new();
        properties.encode(&mut bytes).unwrap();
        for cut in 0..bytes.len() {
            prop_assert!(BasicProperties::decode(&bytes[..cut]).is_err(), "at {cut}");
        }
    }

    #[test]
    fn a_frame_cut_anywhere_asks_for_more(palette in palette(), properties in properties()) {
        let mut bytes = BytesMut::new();
        frame::encode_header(1, 0, &properties, MAX, &mut bytes).unwrap();
        let header = bytes.split();
        frame::encode_body(1, &palette.blobs[0], MAX, &mut bytes).unwrap();
        for whole in [&header, &bytes] {
            for cut in 0..whole.len() {
                prop_assert_eq!(Frame::decode(&whole[..cut], MAX), Ok(None), "at {}", cut);
            }
        }
    }

    #[test]
    fn a_changed_byte_is_an_error_or_another_method(
        palette in palette(),
        at in any::<prop::sample::Index>(),
        octet in any::<u8>(),
    ) {
        for theirs in &all_of_theirs(&palette) {
            let mut bytes = encode(&ours(theirs));
            let at = at.index(bytes.len());
            bytes[at] = octet;
            if let Ok(method) = Method::decode(&bytes) {
                // Floats may have become NaN by now, so bytes are compared instead of values.
                let once = encode(&method);
                prop_assert_eq!(encode(&Method::decode(&once).unwrap()), once);
            }
        }
    }
}

#[test]
fn the_tests_know_every_method() {
    let palette = crate::codec_strategies::Palette {
        texts: vec!["t".into()],
        blobs: vec![vec![1]],
        table: bergen_amqp::codec::FieldTable::new(),
        numbers: vec![7],
        bits: vec![true],
    };
    let theirs = all_of_theirs(&palette);
    let tested: Vec<_> = theirs.iter().map(|theirs| ours(theirs).id()).collect();
    assert_eq!(
        tested,
        METHODS.iter().map(|info| info.id).collect::<Vec<_>>()
    );
}

fn encode(method: &Method<'_>) -> BytesMut {
    let mut bytes = BytesMut::new();
    method.encode(&mut bytes).unwrap();
    bytes
}
