use serde_json::json;

use super::BackdoorPort;

#[test]
fn as_it_is_told_it_is_a_number_or_a_path() {
    for (port, expected) in [
        (BackdoorPort::Port(4444), json!(4444)),
        (
            BackdoorPort::Socket("/run/nova.sock".into()),
            json!("/run/nova.sock"),
        ),
    ] {
        assert_eq!(serde_json::to_value(&port).unwrap(), expected);
        assert_eq!(
            serde_json::from_value::<BackdoorPort>(expected).unwrap(),
            port
        );
    }
    serde_json::from_value::<BackdoorPort>(json!(65536)).unwrap_err();
}
