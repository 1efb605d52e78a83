use super::*;

fn encode(properties: &BasicProperties<'_>) -> BytesMut {
    let mut buffer = BytesMut::new();
    properties.encode(&mut buffer).unwrap();
    buffer
}

#[test]
fn usual_properties_have_the_expected_bytes() {
    let properties = BasicProperties {
        content_type: Some("application/json".into()),
        content_encoding: Some("utf-8".into()),
        headers: Some(FieldTable::new()),
        delivery_mode: Some(PERSISTENT),
        priority: Some(0),
        ..BasicProperties::default()
    };
    let bytes = encode(&properties);
    assert_eq!(
        &bytes[..],
        b"\xF8\x00\x10application/json\x05utf-8\0\0\0\0\x02\x00"
    );
    assert_eq!(BasicProperties::decode(&bytes), Ok(properties));
}

#[test]
fn each_property_has_its_flag() {
    let text = || Some(Cow::Borrowed("x"));
    let none = BasicProperties::default();
    let all = [
        BasicProperties {
            content_type: text(),
            ..none.clone()
        },
        BasicProperties {
            content_encoding: text(),
            ..none.clone()
        },
        BasicProperties {
            headers: Some(FieldTable::new()),
            ..none.clone()
        },
        BasicProperties {
            delivery_mode: Some(1),
            ..none.clone()
        },
        BasicProperties {
            priority: Some(9),
            ..none.clone()
        },
        BasicProperties {
            correlation_id: text(),
            ..none.clone()
        },
        BasicProperties {
            reply_to: text(),
            ..none.clone()
        },
        BasicProperties {
            expiration: text(),
            ..none.clone()
        },
        BasicProperties {
            message_id: text(),
            ..none.clone()
        },
        BasicProperties {
            timestamp: Some(1),
            ..none.clone()
        },
        BasicProperties {
            kind: text(),
            ..none.clone()
        },
        BasicProperties {
            user_id: text(),
            ..none.clone()
        },
        BasicProperties {
            app_id: text(),
            ..none.clone()
        },
        BasicProperties {
            cluster_id: text(),
            ..none.clone()
        },
    ];
    for (place, properties) in all.into_iter().enumerate() {
        let bytes = encode(&properties);
        assert_eq!(u16::from_be_bytes([bytes[0], bytes[1]]), 1 << (15 - place));
        assert_eq!(BasicProperties::decode(&bytes), Ok(properties));
    }
}

#[test]
fn undefined_flags_are_an_error() {
    assert_eq!(
        BasicProperties::decode(&[0, 1]),
        Err(DecodeError::PropertyFlags(1))
    );
    assert_eq!(
        BasicProperties::decode(&[0, 2]),
        Err(DecodeError::PropertyFlags(2))
    );
}

#[test]
fn a_failed_encoding_leaves_the_buffer_alone() {
    let mut buffer = BytesMut::from(&b"before"[..]);
    let properties = BasicProperties {
        content_type: Some("short".into()),
        message_id: Some("x".repeat(256).into()),
        ..BasicProperties::default()
    };
    let error = EncodeError::ShortStringTooLong { length: 256 };
    assert_eq!(properties.encode(&mut buffer), Err(error));
    assert_eq!(&buffer[..], b"before");
}

#[test]
fn owning_does_not_allocate_what_every_message_has() {
    let bytes = encode(&BasicProperties {
        content_type: Some("application/json".into()),
        content_encoding: Some("utf-8".into()),
        message_id: Some("m".into()),
        ..BasicProperties::default()
    });
    let owned = BasicProperties::decode(&bytes).unwrap().into_owned();
    assert!(matches!(
        owned.content_type,
        Some(Cow::Borrowed("application/json"))
    ));
    assert!(matches!(
        owned.content_encoding,
        Some(Cow::Borrowed("utf-8"))
    ));
    assert_eq!(owned.message_id.as_deref(), Some("m"));
}

#[test]
fn encoded_properties_are_checked_and_kept_as_they_are() {
    let properties = BasicProperties {
        priority: Some(4),
        ..BasicProperties::default()
    };
    let encoded = EncodedProperties::new(&properties).unwrap();
    assert_eq!(encoded.as_bytes(), encode(&properties));
    assert_eq!(encoded.decode().as_ref(), Ok(&properties));

    let received = Bytes::from(encode(&properties));
    assert_eq!(EncodedProperties::from_wire(received), Ok(encoded));
    let cut = EncodedProperties::from_wire(Bytes::from_static(&[0x08, 0]));
    assert_eq!(cut, Err(DecodeError::Truncated { reading: "octet" }));
}
