use super::*;

fn json(text: &str) -> RawJson {
    RawJson::parse(text).unwrap()
}

#[test]
fn unset_null_and_changed_are_three_things() {
    let mut field: Field<Option<String>> = Field::default();
    assert!(!field.is_set() && ObjectField::write(&field) == Ok(None));
    assert_eq!(field.load(&json("null")), Ok(true));
    assert_eq!((field.get(), field.is_changed()), (Some(&None), false));
    assert_eq!(ObjectField::write(&field), Ok(Some(RawJson::null())));
    field.set(Some("x".to_owned()));
    assert!(field.is_changed());
    field.unset();
    assert!(!field.is_set() && !field.is_changed());
    field.mark(true);
    assert!(!field.is_changed(), "what is unset has not changed");
}

#[test]
fn null_where_none_is_allowed_unsets() {
    let mut field = Field::from(7_i64);
    assert_eq!(field.load(&json("null")), Ok(false));
    assert_eq!(field, Field::default());
}

#[test]
fn a_read_only_field_is_set_once() {
    let mut id = ReadOnly::default();
    id.set("id", 7).unwrap();
    assert!(id.is_changed());
    id.set("id", 7).unwrap();
    let error = id.set("id", 8).unwrap_err();
    assert_eq!(error.to_string(), "Cannot modify readonly field id");
    assert_eq!(id.get(), Some(&7));
}
