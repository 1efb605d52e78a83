use proptest::prelude::*;

use super::*;
use crate::core::{comparable, ids::QueueId};

fn queue(number: usize) -> Destination {
    Destination::Queue(QueueId::test(u32::try_from(number).unwrap()))
}

fn bind(index: &mut HeadersIndex, arguments: &FieldTable<'_>, number: usize) {
    index.insert(&comparable::arguments(arguments), arguments, &queue(number));
}

fn matching(index: &HeadersIndex, headers: Option<&FieldTable<'_>>) -> Vec<Destination> {
    let mut found = Vec::new();
    index.matching(headers, &mut |destination| found.push(destination.clone()));
    found.sort();
    found.dedup();
    found
}

type Table = FieldTable<'static>;

fn table() -> Table {
    Table::new()
}

/// Each row was asked of RabbitMQ 3.10.8.
#[test]
fn matches_as_rabbitmq_does() {
    let cases = [
        (table(), None, true),
        (table(), Some(table()), true),
        (table(), Some(table().with("a", 1)), true),
        (
            table().with("x-match", "any"),
            Some(table().with("a", 1)),
            false,
        ),
        (
            table().with("x-match", "all"),
            Some(table().with("a", 1)),
            true,
        ),
        (
            table().with("x-match", "all").with("a", 1),
            Some(table().with("a", 1).with("b", 2)),
            true,
        ),
        (
            table().with("a", FieldValue::Void),
            Some(table().with("a", 5)),
            true,
        ),
        (table().with("a", FieldValue::Void), Some(table()), false),
        (
            table().with("a", FieldValue::Void),
            Some(table().with("a", FieldValue::Void)),
            true,
        ),
        (
            table().with("a", 1),
            Some(table().with("a", FieldValue::Void)),
            false,
        ),
        (table().with("a", 1), Some(table().with("a", 1.0)), true),
        (
            table().with("a", 1),
            Some(table().with("a", 1_i64 << 40)),
            false,
        ),
        (
            table().with("a", 1_i64 << 40),
            Some(table().with("a", 1_i64 << 40)),
            true,
        ),
        (table().with("a", "1"), Some(table().with("a", 1)), false),
        (table().with("a", 1.5), Some(table().with("a", 1.5)), true),
        (table().with("a", true), Some(table().with("a", true)), true),
        (table().with("a", true), Some(table().with("a", 1)), false),
        (table().with("a", 1), None, false),
        (table().with("x-a", 1), Some(table()), true),
        (table().with("x-a", 1), Some(table().with("x-a", 2)), true),
        (
            table().with("x-match", "all-with-x").with("x-a", 1),
            Some(table().with("x-a", 2)),
            false,
        ),
        (
            table().with("x-match", "all-with-x").with("x-a", 1),
            Some(table().with("x-a", 1)),
            true,
        ),
        (
            table().with("x-match", "any-with-x").with("x-a", 1),
            Some(table().with("x-a", 1)),
            true,
        ),
        (
            table().with("x-match", "any-with-x").with("x-a", 1),
            Some(table()),
            false,
        ),
        (
            table().with("x-match", "any").with("x-a", 1),
            Some(table().with("x-a", 1)),
            false,
        ),
        (
            table().with("x-match", "any").with("a", 1).with("b", 2),
            Some(table().with("b", 2)),
            true,
        ),
        (
            table().with("a", table().with("b", 1)),
            Some(table().with("a", table().with("b", 1))),
            true,
        ),
        (
            table().with("a", vec![FieldValue::from(1)]),
            Some(table().with("a", vec![FieldValue::from(1)])),
            true,
        ),
        (
            table().with("x-match", "any-with-x").with("a", 1),
            Some(table().with("x-match", "any-with-x")),
            false,
        ),
        (
            table().with("x-match", "all-with-x"),
            Some(table().with("a", 1)),
            true,
        ),
    ];
    for (arguments, headers, expected) in cases {
        let mut index = HeadersIndex::default();
        bind(&mut index, &arguments, 0);
        assert_eq!(
            !matching(&index, headers.as_ref()).is_empty(),
            expected,
            "{arguments:?} {headers:?}"
        );
    }
}

#[test]
fn refuses_other_kinds_of_matching() {
    let refusal = |value: FieldValue<'static>| {
        check_arguments(&table().with("x-match", value))
            .unwrap_err()
            .text
    };
    assert_eq!(
        refusal("foo".into()),
        "PRECONDITION_FAILED - Invalid x-match field value <<\"foo\">>; expected all, any, all-with-x, or any-with-x"
    );
    assert_eq!(
        refusal(5.into()),
        "PRECONDITION_FAILED - Invalid x-match field type signedint (value 5); expected longstr"
    );
    assert_eq!(
        refusal(FieldValue::Void),
        "PRECONDITION_FAILED - Invalid x-match field type void (value undefined); expected longstr"
    );
}

/// One after the other, as a broker without an index would.
fn meets(arguments: &Table, headers: &Table) -> bool {
    let asked: Vec<_> = arguments
        .iter()
        .filter(|(name, _)| !name.starts_with("x-"))
        .map(|(name, wanted)| {
            headers.get(name).is_some_and(|value| {
                *wanted == FieldValue::Void || Comparable::from(wanted) == value.into()
            })
        })
        .collect();
    match arguments.get("x-match").and_then(FieldValue::as_str) {
        Some("any") => asked.contains(&true),
        _ => !asked.contains(&false),
    }
}

fn value() -> impl Strategy<Value = FieldValue<'static>> {
    prop_oneof![
        Just(FieldValue::Void),
        (0..3_i32).prop_map(FieldValue::from),
        (0..3_i64).prop_map(FieldValue::I64),
        Just(FieldValue::Double(1.0)),
        Just(FieldValue::from("1")),
    ]
}

fn pairs() -> impl Strategy<Value = Table> {
    prop::collection::btree_map("[abcd]", value(), 0..4)
        .prop_map(|pairs| pairs.into_iter().collect())
}

fn arguments() -> impl Strategy<Value = Table> {
    (
        prop::option::of(prop::sample::select(vec!["all", "any"])),
        pairs(),
    )
        .prop_map(|(kind, pairs)| match kind {
            Some(kind) => pairs.with("x-match", kind),
            None => pairs,
        })
}

proptest! {
    #[test]
    fn finds_what_a_scan_finds(
        bindings in prop::collection::vec((arguments(), any::<bool>()), 0..10),
        messages in prop::collection::vec(pairs(), 1..6),
    ) {
        let mut index = HeadersIndex::default();
        for (number, (arguments, _)) in bindings.iter().enumerate() {
            bind(&mut index, arguments, number);
        }
        for (number, (arguments, stays)) in bindings.iter().enumerate() {
            if !stays {
                index.remove(&comparable::arguments(arguments), &queue(number));
            }
        }
        for headers in &messages {
            let expected: Vec<_> = bindings
                .iter()
                .enumerate()
                .filter(|(_, (arguments, stays))| *stays && meets(arguments, headers))
                .map(|(number, _)| queue(number))
                .collect();
            prop_assert_eq!(matching(&index, Some(headers)), expected);
        }
        for (number, (arguments, stays)) in bindings.iter().enumerate() {
            if *stays {
                index.remove(&comparable::arguments(arguments), &queue(number));
            }
        }
        prop_assert!(index.patterns.is_empty() && index.asked.is_empty() && index.all.is_empty());
    }
}
