use super::*;

fn message(headers: FieldTable<'static>) -> Message<()> {
    Message {
        exchange: "".into(),
        routing_key: "first".into(),
        properties: BasicProperties {
            headers: Some(headers),
            ..BasicProperties::default()
        },
        body: (),
    }
}

#[test]
fn further_keys_stand_in_two_headers() {
    let message = message(
        FieldTable::new()
            .with("CC", vec![FieldValue::from("a"), 5.into(), "b".into()])
            .with("BCC", vec![FieldValue::from("c")]),
    );
    assert_eq!(
        further_keys(&message.properties).collect::<Vec<_>>(),
        ["a", "b", "c"]
    );
}

#[test]
fn only_the_hidden_ones_are_removed() {
    let table = FieldTable::new().with("CC", vec![FieldValue::from("a")]);
    assert_eq!(message(table.clone()).without_bcc(), None);
    let hidden = table.clone().with("BCC", vec![FieldValue::from("b")]);
    assert_eq!(message(hidden).without_bcc(), Some(message(table)));
}

/// Asked of RabbitMQ 3.10.8.
#[test]
fn other_types_are_refused() {
    let check = |headers| check(&message(headers).properties).map_err(|refusal| refusal.text);
    assert_eq!(
        check(FieldTable::new().with("BCC", "a")),
        Err(
            "PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,\"BCC\",longstr}"
                .into()
        )
    );
    assert_eq!(check(FieldTable::new().with("CC", Vec::new())), Ok(()));
    assert_eq!(check(FieldTable::new().with("other", 1)), Ok(()));
}
