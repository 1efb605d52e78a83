use super::*;

#[test]
fn a_users_own_variable_wins() {
    let read = |name: &str| match name {
        "BERGEN_PASSWORD_NOVA_1" => Some("own".to_owned()),
        "BERGEN_PASSWORD_EMPTY" => Some(String::new()),
        VARIABLE => Some("common".to_owned()),
        _ => None,
    };
    assert_eq!(from_environment("nova-1", read).unwrap(), "own");
    assert_eq!(from_environment("neutron", read).unwrap(), "common");
    assert_eq!(from_environment("empty", read).unwrap(), "common");
    let text = from_environment("nova", |_| None).unwrap_err().text();
    for part in ["BERGEN_PASSWORD_NOVA", "--user nova=FILE"] {
        assert!(text.contains(part), "{text}");
    }
}
