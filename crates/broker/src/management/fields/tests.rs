use super::{Fields, check_length};

#[test]
fn values_are_read_as_rabbitmqs_tools_write_them() {
    let fields =
        Fields::parse(br#"{"a":"true","b":false,"n":"3","m":4,"t":"x","z":null}"#).unwrap();
    assert_eq!(fields.flag("a"), Ok(true));
    assert_eq!(fields.flag("b"), Ok(false));
    assert_eq!(fields.flag("z"), Ok(false));
    assert_eq!(fields.number("n"), Ok(Some(3)));
    assert_eq!(fields.number("m"), Ok(Some(4)));
    assert_eq!(fields.text("t"), Ok(Some("x")));
    assert!(fields.flag("t").is_err());
    assert!(fields.number("t").is_err());
    assert!(fields.text("m").is_err());
    assert!(fields.require(&["a", "b"]).is_ok());
    let refused = format!("{:?}", fields.require(&["a", "x", "y"]).unwrap_err());
    assert!(
        refused.contains("[{key_missing,x},{key_missing,y}]"),
        "{refused}"
    );
}

#[test]
fn what_is_no_object_is_refused() {
    for body in ["[]", "{bad", "1", "null", "\"\""] {
        assert!(Fields::parse(body.as_bytes()).is_err(), "{body}");
    }
    let deep = "[".repeat(100_000);
    assert!(Fields::parse(deep.as_bytes()).is_err());
    assert!(Fields::parse(b"").is_ok());
}

#[test]
fn names_have_255_bytes_at_most() {
    assert!(check_length("name", &"a".repeat(255)).is_ok());
    assert!(check_length("name", &"a".repeat(256)).is_err());
}
