//! Replies: what we write and read, what variants mean, and what is refused.

use bergen_messaging::wire::{
    Charset, Failure, Id, Limits, MessageProperties, Outcome, RawJson, Reply, WireError,
    decode_reply, encode_reply,
};
use proptest::prelude::*;

fn raw(text: &str) -> RawJson {
    RawJson::parse(text).unwrap()
}

/// A reply without envelope, which every client accepts.
fn decode(body: &str) -> Result<Reply, WireError> {
    decode_reply(
        body.as_bytes(),
        &MessageProperties::json(),
        &Limits::default(),
    )
}

/// A reply with these members besides `_msg_id`.
fn reply(members: &str) -> Reply {
    decode(&format!(r#"{{"_msg_id": "i"{members}}}"#)).unwrap()
}

fn sent(outcome: &Outcome, charset: Charset) -> Reply {
    let body = encode_reply("i", outcome, Id::from(1), charset);
    decode(std::str::from_utf8(&body).unwrap()).unwrap()
}

#[test]
fn all_five_keys_are_always_sent() {
    for outcome in [
        Outcome::Result(raw("1")),
        Outcome::KeepAlive,
        Outcome::Failure(Failure::new("builtins", "ValueError", "x")),
    ] {
        let body = encode_reply("i", &outcome, Id::from(1), Charset::Utf8);
        let body = RawJson::parse(std::str::from_utf8(&body).unwrap()).unwrap();
        let message = body
            .member("oslo.message")
            .unwrap()
            .decode::<String>()
            .unwrap();
        let keys: Vec<_> = raw(&message)
            .members()
            .map(|(key, _)| key.to_string())
            .collect();
        assert_eq!(
            keys,
            ["result", "failure", "ending", "_msg_id", "_unique_id"]
        );
    }
}

#[test]
fn outcomes_arrive() {
    let result = sent(&Outcome::Result(raw("[NaN]")), Charset::Utf8);
    assert_eq!(
        (result.result.as_str(), result.ending, result.failure),
        ("[NaN]", true, None)
    );
    assert_eq!(
        result.unique_id.as_deref(),
        Some("00000000000000000000000000000001")
    );
    assert!(sent(&Outcome::KeepAlive, Charset::Utf8).is_keep_alive());
    let cancellable = Outcome::Cancellable {
        control_queue: "reply_x".into(),
    };
    let cancellable = sent(&cancellable, Charset::Utf8);
    assert!(
        cancellable.is_keep_alive(),
        "who does not know it, takes it for one"
    );
    assert_eq!(cancellable.control_queue.as_deref(), Some("reply_x"));
    let cancel = sent(&Outcome::Cancel, Charset::Utf8);
    assert!(cancel.cancel && !cancel.ending && !cancel.is_keep_alive());
    let mut failure = Failure::new("nova.exception", "NotFound", "é \u{1f600}\n\"\\");
    failure.tb = vec!["Traceback\n".into(), "NotFound\n".into()];
    failure.kwargs = raw(r#"{"id": NaN}"#);
    for charset in [Charset::Utf8, Charset::Ascii] {
        let received = sent(&Outcome::Failure(failure.clone()), charset)
            .failure
            .unwrap();
        assert_eq!(received, failure);
    }
}

#[test]
fn replies_that_make_the_python_client_crash() {
    assert_eq!(reply(r#", "result": 1, "ending": true"#).failure, None);
    assert_eq!(reply(r#", "failure": "", "ending": true"#).failure, None);
    let object =
        reply(r#", "failure": {"class": "C", "module": "m", "message": "x"}, "ending": true"#);
    let failure = object.failure.unwrap();
    assert_eq!(
        (
            failure.class.as_str(),
            failure.module.as_str(),
            failure.message.as_str()
        ),
        ("C", "m", "x")
    );
    assert_eq!(
        (failure.args.as_str(), failure.kwargs.as_str()),
        ("[]", "{}")
    );
    for unreadable in ["\"not JSON\"", "\"[1]\"", "true", "[1]", "\"{\""] {
        let reply = reply(&format!(r#", "failure": {unreadable}"#));
        let failure = reply.failure.unwrap();
        assert_eq!(failure.class, "RemoteError", "{unreadable}");
        assert!(!failure.message.is_empty(), "{unreadable}");
    }
}

#[test]
fn only_a_true_ending_ends() {
    for (members, ending) in [
        ("", false),
        (r#", "ending": false"#, false),
        (r#", "ending": null"#, false),
        (r#", "ending": 0"#, false),
        (r#", "ending": """#, false),
        (r#", "ending": []"#, false),
        (r#", "ending": {}"#, false),
        (r#", "ending": true"#, true),
        (r#", "ending": 1"#, true),
        (r#", "ending": "no""#, true),
        (r#", "ending": [0]"#, true),
    ] {
        assert_eq!(reply(members).ending, ending, "{members}");
    }
    // Servers before 4.0.0 send the value first, and then the end alone.
    let value = reply(r#", "result": 5, "failure": null, "ending": false"#);
    assert!(!value.is_keep_alive());
    let end = reply(r#", "ending": true"#);
    assert!(end.result.is_null() && !end.is_keep_alive());
}

#[test]
fn failures_of_odd_shapes_are_read_as_far_as_they_go() {
    let failure = |text: &str| {
        let text = serde_json::to_string(text).unwrap();
        reply(&format!(r#", "failure": {text}"#)).failure.unwrap()
    };
    let odd = failure(r#"{"class": null, "message": 5, "tb": "one\n", "args": {}, "kwargs": []}"#);
    assert_eq!((odd.class.as_str(), odd.message.as_str()), ("", "5"));
    assert_eq!(odd.tb, ["one\n"]);
    assert_eq!((odd.args.as_str(), odd.kwargs.as_str()), ("[]", "{}"));
    assert_eq!(failure(r#"{"message": "\ud800!"}"#).message, "\u{fffd}!");
    assert_eq!(failure(r#"{"tb": ["a", null, 1]}"#).tb, ["a", "", "1"]);
}

#[test]
fn what_is_no_reply() {
    assert_eq!(decode("{}"), Err(WireError::Missing("_msg_id")));
    assert_eq!(decode("[]"), Err(WireError::NotAnObject));
    let error = decode(r#"{"_msg_id": 1}"#);
    assert_eq!(
        error,
        Err(WireError::WrongType {
            key: "_msg_id",
            expected: "a string"
        })
    );
    assert!(matches!(
        decode(r#"{"_msg_id": "i", "#),
        Err(WireError::Json { .. })
    ));
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    let text = || any::<String>();
    let failure = (
        text(),
        text(),
        text(),
        proptest::collection::vec(text(), 0..4),
    );
    prop_oneof![
        Just(Outcome::KeepAlive),
        Just(Outcome::Cancel),
        text().prop_map(|text| Outcome::Cancellable {
            control_queue: text.into()
        }),
        text().prop_map(|text| Outcome::Result(RawJson::encode(&text).unwrap())),
        failure.prop_map(|(module, class, message, tb)| {
            Outcome::Failure(Failure {
                tb,
                ..Failure::new(module, class, message)
            })
        }),
    ]
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        outcome in any_outcome(), msg_id in any::<String>(), ascii in any::<bool>()
    ) {
        let charset = if ascii { Charset::Ascii } else { Charset::Utf8 };
        let body = encode_reply(&msg_id, &outcome, Id::from(7), charset);
        let reply = decode(std::str::from_utf8(&body).unwrap()).unwrap();
        prop_assert_eq!(&reply.msg_id, msg_id.as_str());
        let is_keep_alive = matches!(outcome, Outcome::KeepAlive | Outcome::Cancellable { .. });
        prop_assert_eq!(reply.is_keep_alive(), is_keep_alive);
        prop_assert_eq!(reply.cancel, outcome == Outcome::Cancel);
        match &outcome {
            Outcome::Result(result) => prop_assert!(reply.result.json_eq(result)),
            Outcome::Failure(failure) => {
                let received = reply.failure.as_ref().unwrap();
                prop_assert!(received.args.json_eq(&failure.args));
                let received = Failure { args: failure.args.clone(), ..received.clone() };
                prop_assert_eq!(&received, failure);
            }
            Outcome::KeepAlive | Outcome::Cancel => prop_assert!(!reply.ending),
            Outcome::Cancellable { control_queue } => {
                prop_assert_eq!(reply.control_queue.as_ref(), Some(control_queue));
            }
        }
        let again = reply.encode(charset);
        prop_assert_eq!(decode(std::str::from_utf8(&again).unwrap()).unwrap(), reply);
    }
}
