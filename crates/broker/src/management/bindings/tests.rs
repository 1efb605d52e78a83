use bergen_amqp::codec::FieldTable;

use super::properties_key;

#[test]
fn bindings_are_named_as_rabbitmq_names_them() {
    let none = FieldTable::new();
    assert_eq!(properties_key("", &none), "~");
    assert_eq!(properties_key("r 2/~", &none), "r+2%2F%7E");
    let one = FieldTable::new().with("a", 1).with("b", 2);
    let same = FieldTable::new().with("b", 2).with("a", 1);
    assert!(properties_key("r", &one).starts_with("r~"));
    assert_eq!(properties_key("r", &one), properties_key("r", &same));
    assert_ne!(
        properties_key("r", &one),
        properties_key("r", &FieldTable::new().with("a", 2))
    );
}
