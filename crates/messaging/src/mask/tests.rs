use super::*;

fn masked(text: &str) -> String {
    Masked(&RawJson::parse(text).unwrap()).to_string()
}

#[test]
fn secrets_are_blanked_at_any_depth() {
    let shown = masked(
        r#"{"a": 1, "admin_password": "s3cret", "list": [{"auth_token": "s3cret", "NewPassword": ["s3cret"]}],
            "_context_auth_token": "s3cret", "new_pass": {"x": "s3cret"}}"#,
    );
    assert!(!shown.contains("s3cret"), "{shown}");
    assert_eq!(
        shown,
        r#"{"a": 1, "admin_password": "***", "list": [{"auth_token": "***", "NewPassword": "***"}], "_context_auth_token": "***", "new_pass": "***"}"#
    );
}

#[test]
fn an_escaped_key_is_a_secret_all_the_same() {
    assert_eq!(
        masked(r#"{"pass\u0077ord": "s3cret"}"#),
        r#"{"password": "***"}"#
    );
}

#[test]
fn control_characters_can_not_reach_a_terminal() {
    assert_eq!(masked("[\"a\u{9b}31m\"]"), r#"["a\u{9b}31m"]"#);
}

#[test]
fn a_long_or_deep_value_is_cut() {
    let long = format!("[\"{}\"]", "é".repeat(10_000));
    let shown = masked(&long);
    assert!(shown.len() <= LONGEST + "…".len(), "{}", shown.len());
    assert!(shown.ends_with('…'));

    let deep = "[".repeat(100) + &"]".repeat(100);
    assert_eq!(
        masked(&deep),
        "[".repeat(DEEPEST) + "…" + &"]".repeat(DEEPEST)
    );
}

#[test]
fn every_kind_of_secret_by_any_name() {
    for key in [
        "password",
        "Admin_Password",
        "adminPass",
        "admin_pass",
        "new_pass",
        "auth_token",
        "_context_auth_token",
        "token",
        "client_secret",
        "passphrase",
        "encrypted_key",
        "private_key",
        "sys_pswd",
        "migrationsshkey",
    ] {
        assert!(is_secret(key), "{key}");
    }
    for key in [
        "",
        "user",
        "pass_through",
        "path",
        "key",
        "project_id",
        "hmac_key",
    ] {
        assert!(!is_secret(key), "{key}");
    }
}
