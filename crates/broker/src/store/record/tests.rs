use bergen_amqp::codec::FieldTable;
use proptest::prelude::*;

use super::*;

fn name() -> impl Strategy<Value = Arc<str>> {
    prop_oneof![Just("q".to_owned()), "[a-z]{0,5}", ".{0,60}"].prop_map(Into::into)
}

fn table() -> impl Strategy<Value = FieldTable<'static>> {
    proptest::collection::vec(("[a-z]{1,4}", any::<i64>()), 0..4)
        .prop_map(|pairs| pairs.into_iter().collect())
}

fn binding() -> impl Strategy<Value = Binding<'static>> {
    (name(), name(), any::<bool>(), name(), table()).prop_map(
        |(source, destination, to_exchange, routing_key, arguments)| Binding {
            source,
            destination,
            to_exchange,
            routing_key,
            arguments,
        },
    )
}

fn position() -> impl Strategy<Value = Position> {
    any::<u64>().prop_map(Position)
}

fn target() -> impl Strategy<Value = Target> {
    (name(), name(), position(), any::<u64>()).prop_map(|(host, queue, position, at)| Target {
        host,
        queue,
        position,
        at,
    })
}

fn message() -> impl Strategy<Value = StoredMessage<'static>> {
    let bytes = prop_oneof![
        Just(&b""[..]),
        Just(&b"some body"[..]),
        Just(&[0xFF; 300][..])
    ];
    (name(), name(), bytes.clone(), bytes).prop_map(|(exchange, routing_key, properties, body)| {
        StoredMessage {
            exchange,
            routing_key,
            properties,
            body,
        }
    })
}

fn record() -> impl Strategy<Value = Record<'static>> {
    let exchange_kind = prop_oneof![
        Just(ExchangeKind::Direct),
        Just(ExchangeKind::Topic),
        Just(ExchangeKind::Fanout),
        Just(ExchangeKind::Headers),
    ];
    prop_oneof![
        name().prop_map(|host| Record::HostAdded { host }),
        name().prop_map(|host| Record::HostRemoved { host }),
        (
            name(),
            name(),
            exchange_kind,
            any::<bool>(),
            any::<bool>(),
            table()
        )
            .prop_map(|(host, name, kind, auto_delete, internal, arguments)| {
                Record::ExchangeDeclared {
                    host,
                    name,
                    kind,
                    auto_delete,
                    internal,
                    arguments,
                }
            }),
        (name(), name()).prop_map(|(host, name)| Record::ExchangeDeleted { host, name }),
        (name(), name(), any::<bool>(), table()).prop_map(
            |(host, name, auto_delete, arguments)| Record::QueueDeclared {
                host,
                name,
                auto_delete,
                arguments
            }
        ),
        (name(), name()).prop_map(|(host, name)| Record::QueueDeleted { host, name }),
        (name(), binding()).prop_map(|(host, binding)| Record::Bound { host, binding }),
        (name(), binding()).prop_map(|(host, binding)| Record::Unbound { host, binding }),
        (proptest::collection::vec(target(), 0..4), message())
            .prop_map(|(targets, message)| Record::Enqueued { targets, message }),
        (name(), name(), proptest::collection::vec(position(), 0..9)).prop_map(
            |(host, queue, positions)| Record::Removed {
                host,
                queue,
                positions
            }
        ),
        (name(), name(), position(), any::<u32>()).prop_map(
            |(host, queue, position, delivery_count)| Record::Returned {
                host,
                queue,
                position,
                delivery_count
            }
        ),
        (name(), name(), position()).prop_map(|(host, queue, before)| Record::Truncated {
            host,
            queue,
            before
        }),
    ]
}

fn encoded(records: &[Record<'_>]) -> Encoder {
    let mut encoder = Encoder::new();
    for record in records {
        encoder.push(record).unwrap();
    }
    encoder
}

fn decoded(payload: &[u8]) -> Result<Vec<Record<'_>>, RecordError> {
    let mut decoder = Decoder::new(payload)?;
    let mut records = Vec::new();
    while let Some(record) = decoder.next() {
        records.push(record?.0);
    }
    Ok(records)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn records_come_back_as_they_were(records in proptest::collection::vec(record(), 0..20)) {
        let encoder = encoded(&records);
        prop_assert_eq!(decoded(encoder.payload()).unwrap(), records);
    }

    #[test]
    fn sizes_add_up_to_the_payload(records in proptest::collection::vec(record(), 0..20)) {
        let encoder = encoded(&records);
        let mut decoder = Decoder::new(encoder.payload()).unwrap();
        let mut sum = 1;
        while let Some(record) = decoder.next() {
            sum += record.unwrap().1;
        }
        prop_assert_eq!(sum, encoder.payload().len());
    }

    #[test]
    fn any_bytes_are_records_or_an_error(data: Vec<u8>) {
        let _ = decoded(&data);
        let versioned: Vec<u8> = [VERSION].into_iter().chain(data).collect();
        let _ = decoded(&versioned);
    }

    #[test]
    fn a_cut_payload_is_shorter_or_an_error(
        records in proptest::collection::vec(record(), 1..6),
        cut: prop::sample::Index,
    ) {
        let encoder = encoded(&records);
        let payload = encoder.payload();
        let cut = &payload[..cut.index(payload.len())];
        if let Ok(fewer) = decoded(cut) {
            prop_assert!(fewer.len() < records.len());
            prop_assert_eq!(&fewer[..], &records[..fewer.len()]);
        }
    }
}

#[test]
fn a_record_that_cannot_be_written_leaves_nothing_behind() {
    let long: Arc<str> = "x".repeat(256).into();
    let removed = |host: &str, queue: Arc<str>| Record::QueueDeleted {
        host: host.into(),
        name: queue,
    };
    let mut encoder = encoded(&[removed("/", "q".into())]);
    let before = encoder.payload().to_vec();
    encoder.push(&removed("new name", long)).unwrap_err();
    assert_eq!(encoder.payload(), before);
    encoder.push(&removed("new name", "q".into())).unwrap();
    assert_eq!(
        decoded(encoder.payload()).unwrap(),
        [removed("/", "q".into()), removed("new name", "q".into())]
    );
}

#[test]
fn more_names_than_numbers_are_spelled() {
    let records: Vec<_> = (0..70_000)
        .map(|number| Record::HostAdded {
            host: number.to_string().into(),
        })
        .chain([
            Record::HostAdded {
                host: "69999".into(),
            },
            Record::HostAdded { host: "7".into() },
        ])
        .collect();
    assert_eq!(decoded(encoded(&records).payload()).unwrap(), records);
}
