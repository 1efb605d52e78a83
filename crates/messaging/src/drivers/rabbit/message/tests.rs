use super::*;

fn message(deadline: Option<Instant>, message_id: Option<&str>) -> Message {
    Message {
        class: Class::Call,
        needs: Needs::Nothing,
        exchange: "nova".into(),
        routing_key: "compute".into(),
        return_id: message_id.map(str::to_owned),
        deadline,
        body: Bytes::from_static(b"{}"),
    }
}

/// The publish as it goes out at once.
fn publish(message: &Message, compression: Option<Compression>) -> Publish {
    message.publish(message.content(compression), Instant::now())
}

#[test]
fn properties_are_the_peers() {
    let properties = publish(&message(None, None), None).properties;
    assert_eq!(properties.content_type.as_deref(), Some("application/json"));
    assert_eq!(properties.content_encoding.as_deref(), Some("utf-8"));
    assert_eq!(properties.headers, Some(FieldTable::new()));
    assert_eq!(
        (properties.delivery_mode, properties.priority),
        (Some(2), Some(0))
    );
    assert_eq!((properties.expiration, properties.message_id), (None, None));
    assert_eq!(
        (properties.correlation_id, properties.reply_to),
        (None, None)
    );
}

#[test]
fn a_message_with_an_id_is_mandatory() {
    let mandatory = publish(&message(None, Some("0123")), None);
    assert!(mandatory.mandatory);
    assert_eq!(mandatory.properties.message_id.as_deref(), Some("0123"));
    assert!(!publish(&message(None, None), None).mandatory);
}

#[test]
fn the_expiration_is_what_remains_of_the_deadline() {
    let now = Instant::now();
    let message = message(Some(now + Duration::from_mins(1)), None);
    let expiration = |later: Duration| {
        let publish = message.publish(message.content(None), now + later);
        publish.properties.expiration.unwrap()
    };
    assert_eq!(expiration(Duration::ZERO), "60000");
    assert_eq!(expiration(Duration::from_micros(300)), "60000");
    assert_eq!(expiration(Duration::from_millis(1500)), "58500");
    assert_eq!(expiration(Duration::from_secs(61)), "0");
}

#[test]
fn an_expiration_is_rounded_up_and_stays_within_what_the_broker_takes() {
    let now = Instant::now();
    assert_eq!(
        expiration(now + Duration::from_micros(59_999_100), now),
        "60000"
    );
    assert_eq!(expiration(now, now + Duration::from_secs(1)), "0");
    let decades = Duration::from_hours(24 * 365 * 25);
    assert_eq!(expiration(now + decades, now), "252288000000");
}

#[test]
fn a_compressed_message_says_how_in_its_header_and_keeps_the_rest() {
    let plain = message(None, Some("0123"));
    let compressed = publish(&plain, Some(Compression::Bzip2));
    let headers = compressed.properties.headers.clone().unwrap();
    let name = headers.get("compression").and_then(FieldValue::as_str);
    assert_eq!((headers.len(), name), (1, Some("application/x-bz2")));
    let body = Compression::Bzip2.decompress(&compressed.body, 100);
    assert_eq!(body.as_deref(), Ok(&plain.body[..]));
    let expected = BasicProperties {
        headers: Some(headers),
        ..publish(&plain, None).properties
    };
    assert_eq!(compressed.properties, expected);
    assert!(compressed.mandatory);
}
