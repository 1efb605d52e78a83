use proptest::prelude::*;

use super::*;

/// As the peer's library writes them: py-amqp's `AMQPLAIN('nova', 's3cret').start()`.
#[test]
fn amqplain_is_a_table_without_its_length_login_first() {
    let response = Login::amqplain("nova", "s3cret").response();
    assert_eq!(
        response,
        b"\x05LOGINS\x00\x00\x00\x04nova\x08PASSWORDS\x00\x00\x00\x06s3cret"
    );
}

#[test]
fn external_says_nothing_and_needs_nothing() {
    assert_eq!(Login::External.response(), b"");
    assert_eq!(Login::External.username(), None);
    assert_eq!(Login::from_response("EXTERNAL", b""), Some(Login::External));
}

#[test]
fn garbled_responses_are_no_logins() {
    for (mechanism, response) in [
        ("PLAIN", &b"guest"[..]),
        ("PLAIN", b"\0guest\0\xff"),
        ("PLAIN", b"\0a\0b\0c"),
        ("AMQPLAIN", b""),
        ("AMQPLAIN", b"\x05LOGINS\x00\x00\x00\x04nova"),
        (
            "AMQPLAIN",
            b"\x05LOGINS\xff\xff\xff\xffnova\x08PASSWORDS\x00\x00\x00\x00",
        ),
        ("AMQPLAIN", b"\x05LOGINt\x01\x08PASSWORDS\x00\x00\x00\x00"),
        ("RABBIT-CR-DEMO", b"guest"),
    ] {
        assert_eq!(
            Login::from_response(mechanism, response),
            None,
            "{mechanism}"
        );
    }
}

#[test]
fn passwords_do_not_appear_in_debug() {
    for login in [
        Login::plain("nova", "s3cret"),
        Login::amqplain("nova", "s3cret"),
    ] {
        let shown = format!("{login:?}");
        assert!(
            shown.contains("nova") && !shown.contains("s3cret"),
            "{shown}"
        );
    }
}

proptest! {
    #[test]
    fn what_is_sent_is_understood(username in ".{0,20}", password in ".{0,20}") {
        let amqplain = Login::amqplain(username.clone(), password.clone());
        let again = Login::from_response(amqplain.mechanism(), &amqplain.response());
        prop_assert_eq!(again, Some(amqplain));
        prop_assume!(!username.contains('\0') && !password.contains('\0'));
        let plain = Login::plain(username, password);
        prop_assert_eq!(Login::from_response(plain.mechanism(), &plain.response()), Some(plain));
    }

    #[test]
    fn any_response_is_a_login_or_none(response: Vec<u8>) {
        for mechanism in ["PLAIN", "AMQPLAIN", "EXTERNAL"] {
            let _ = Login::from_response(mechanism, &response);
        }
    }
}
