//! Requests: what we write and read, what variants mean, and what is refused.

use std::time::Duration;

use bergen_messaging::target::Version;
use bergen_messaging::wire::envelope::{self, Limits};
use bergen_messaging::wire::{
    CallIds, Charset, Context, Id, JsonError, KeepAlive, MessageProperties, OutgoingRequest,
    RawJson, Request, RequestIds, RequestVersion, Text, WireError, decode_request, encode_request,
};
use proptest::prelude::*;

fn raw(text: &str) -> RawJson {
    RawJson::parse(text).unwrap()
}

fn decode(body: &str) -> Result<Request, WireError> {
    decode_request(
        body.as_bytes(),
        &MessageProperties::json(),
        &Limits::default(),
    )
}

/// Decodes a payload that stands in an envelope.
fn sealed(payload: &str) -> Result<Request, WireError> {
    let message = serde_json::to_string(payload).unwrap();
    decode(&format!(
        r#"{{"oslo.version": "2.0", "oslo.message": {message}}}"#
    ))
}

fn with_properties(change: impl FnOnce(&mut MessageProperties)) -> Result<Request, WireError> {
    let mut properties = MessageProperties::json();
    change(&mut properties);
    decode_request(br#"{"method": "m"}"#, &properties, &Limits::default())
}

#[test]
fn a_call_as_python_writes_it() {
    let mut request = OutgoingRequest::new("echo", raw(r#"{"a": "é\n"}"#));
    request.namespace = Some("base\"api".into());
    request.version = Some(Version::new(1, 3));
    request.monitor = Some(Duration::from_millis(2500));
    request.context.insert("user\\", "ü").unwrap();
    let call = CallIds {
        msg_id: Id::from(1),
        reply_q: "reply_x",
        cancel: false,
    };
    let ids = RequestIds {
        unique_id: Id::from(2),
        call: Some(call),
    };
    let body = encode_request(&request, &ids, Charset::Ascii);
    let zeros = "0".repeat(31);
    let payload = format!(
        r#"{{"method": "echo", "args": {{"a": "\u00e9\n"}}, "namespace": "base\"api", "version": "1.3", "_msg_id": "{zeros}1", "_reply_q": "reply_x", "_timeout": 2.5, "_unique_id": "{zeros}2", "_context_user\\": "\u00fc"}}"#
    );
    let opened = envelope::open(&body, &MessageProperties::json(), &Limits::default()).unwrap();
    assert!(opened.json_eq(&raw(&payload)), "{opened}");
    assert!(body.is_ascii());
    let received = decode(std::str::from_utf8(&body).unwrap()).unwrap();
    assert_eq!(received.namespace.as_deref(), Some("base\"api"));
    assert_eq!(
        received.keep_alive(),
        KeepAlive::Every(Duration::from_secs(1))
    );
    assert_eq!(
        received.context.get::<String>("user\\").unwrap().as_deref(),
        Some("ü")
    );
}

#[test]
fn a_whole_number_of_seconds_is_written_as_one() {
    let mut request = OutgoingRequest::new("m", RawJson::empty_object());
    request.monitor = Some(Duration::from_mins(1));
    let call = CallIds {
        msg_id: Id::new(),
        reply_q: "q",
        cancel: true,
    };
    let ids = RequestIds {
        unique_id: Id::new(),
        call: Some(call),
    };
    let body = encode_request(&request, &ids, Charset::Utf8);
    let received = decode(std::str::from_utf8(&body).unwrap()).unwrap();
    assert_eq!(received.timeout.unwrap().as_str(), "60");
}

/// Errors about a message go to the log, where its text must not look like lines of our own.
#[test]
fn no_error_repeats_control_characters_of_the_message() {
    let forged = r"x\nERROR the sky falls\u001b[2J\u009b";
    let inner = format!(r#"{{\"method\": \"m\", \"_unique_id\": [\"{forged}\"]}}"#);
    let bodies = [
        format!(r#"{{"oslo.version": "{forged}", "oslo.message": "{{}}"}}"#),
        format!(r#"{{"oslo.version": "2.0", "oslo.message": "{forged}"}}"#),
        format!(r#"{{"oslo.version": "2.0", "oslo.message": "{inner}"}}"#),
        format!(r#"{{"method": ["{forged}"]}}"#),
        "{\"method\": \u{1b}\u{9b}".to_owned(),
    ];
    for body in bodies {
        let error = decode(&body).unwrap_err().to_string();
        assert!(!error.contains(char::is_control), "{error:?} of {body:?}");
    }
    for name in ["x\n\u{1b}[2J", "\u{9b}"] {
        let error = with_properties(|p| p.compression = Some(name.into())).unwrap_err();
        assert!(!error.to_string().contains(char::is_control), "{error}");
    }
}

#[test]
fn only_true_says_that_a_caller_cancels() {
    for (value, cancel) in [
        ("true", true),
        ("false", false),
        ("1", false),
        ("null", false),
    ] {
        let body = format!(r#"{{"method": "m", "_bergen_cancel": {value}}}"#);
        assert_eq!(decode(&body).unwrap().cancel, cancel, "{value}");
    }
}

#[test]
fn a_cast_says_nothing_of_answers() {
    let mut request = OutgoingRequest::new("m", RawJson::empty_object());
    request.monitor = Some(Duration::from_secs(5));
    let ids = RequestIds {
        unique_id: Id::from(2),
        call: None,
    };
    let body = encode_request(&request, &ids, Charset::Utf8);
    let payload = envelope::open(&body, &MessageProperties::json(), &Limits::default()).unwrap();
    let keys: Vec<_> = payload.members().map(|(key, _)| key.to_string()).collect();
    assert_eq!(keys, ["method", "args", "_unique_id"]);
}

#[test]
fn the_envelope_may_be_missing() {
    let plain = decode(r#"{"method": "m", "_unique_id": "x"}"#).unwrap();
    assert_eq!(
        (plain.method.as_str(), plain.unique_id.as_deref()),
        ("m", Some("x"))
    );
    // One key alone makes no envelope.
    assert!(decode(r#"{"method": "m", "oslo.version": "9.0"}"#).is_ok());
    assert!(decode(r#"{"method": "m", "oslo.message": 1}"#).is_ok());
}

#[test]
fn envelope_versions() {
    let version = |version: &str| {
        decode(&format!(
            r#"{{"oslo.message": "{{\"method\": \"m\"}}", "oslo.version": {version}}}"#
        ))
    };
    assert!(version("\"2.0\"").is_ok());
    assert!(version("\"2.0.0\"").is_ok());
    for bad in [
        "\"1.0\"",
        "\"2.1\"",
        "\"3.0\"",
        "\"2.0.1\"",
        "\"2\"",
        "2.0",
        "null",
        "\"\"",
    ] {
        assert_eq!(
            version(bad),
            Err(WireError::EnvelopeVersion(bad.to_owned())),
            "{bad}"
        );
    }
}

#[test]
fn variants_of_the_members() {
    let request = sealed(r#"{"method": "m"}"#).unwrap();
    assert_eq!(request.args, RawJson::empty_object());
    assert_eq!(request.version, RequestVersion::Absent);
    assert_eq!(request.version.version(), Ok(Version::DEFAULT));
    for nameless in ["{}", r#"{"method": null}"#] {
        let request = sealed(nameless).unwrap();
        assert_eq!(request.method.as_str(), "", "for the dispatcher, too");
    }
    let null = sealed(
        r#"{"method": "m", "namespace": null, "version": null, "_msg_id": null, "args": null}"#,
    );
    let null = null.unwrap();
    assert_eq!((null.namespace, null.msg_id), (None, None));
    assert!(
        null.args.is_null(),
        "for the dispatcher to refuse with an answer"
    );
    assert!(null.version.version().is_err(), "null is no version");
    assert_eq!(null.version.to_string(), "None");
    let odd = sealed(r#"{"method": "m", "version": 1.0}"#).unwrap();
    assert_eq!(
        (odd.version.version(), odd.version.to_string()),
        (Ok(Version::DEFAULT), "1.0".into())
    );
    assert!(
        sealed(r#"{"method": "m", "version": "1"}"#)
            .unwrap()
            .version
            .version()
            .is_err()
    );
    let last =
        sealed(r#"{"method": "a", "_context_k": 1, "method": "b", "_context_k": 2, "x": {}}"#)
            .unwrap();
    assert_eq!((last.method.as_str(), last.context.len()), ("b", 1));
    assert_eq!(last.context.get::<u8>("k"), Ok(Some(2)));
}

#[test]
fn keep_alives_only_for_calls() {
    let timeout = |payload: &str| sealed(payload).unwrap().keep_alive();
    assert_eq!(
        timeout(r#"{"method": "m", "_timeout": 4}"#),
        KeepAlive::NotAsked
    );
    assert_eq!(
        timeout(r#"{"method": "m", "_msg_id": "i"}"#),
        KeepAlive::NotAsked
    );
    assert_eq!(
        timeout(r#"{"method": "m", "_msg_id": "i", "_timeout": 1}"#),
        KeepAlive::Unusable
    );
    let every = KeepAlive::Every(Duration::from_secs(2));
    assert_eq!(
        timeout(r#"{"method": "m", "_msg_id": "i", "_timeout": "4"}"#),
        every
    );
}

#[test]
fn what_is_no_request() {
    assert_eq!(sealed("[]"), Err(WireError::NotAnObject));
    assert_eq!(sealed("1"), Err(WireError::NotAnObject));
    assert_eq!(decode("\"x\""), Err(WireError::NotAnObject));
    for key in ["method", "namespace", "_msg_id", "_reply_q", "_unique_id"] {
        let error = sealed(&format!(r#"{{"method": "m", "{key}": 5}}"#));
        assert_eq!(
            error,
            Err(WireError::WrongType {
                key,
                expected: "a string"
            })
        );
    }
    let error = decode(r#"{"oslo.version": "2.0", "oslo.message": {}}"#);
    let expected = "a string";
    assert_eq!(
        error,
        Err(WireError::WrongType {
            key: "oslo.message",
            expected
        })
    );
    let json = |part, offset, expected| {
        Err(WireError::Json {
            part,
            error: JsonError::Syntax { offset, expected },
        })
    };
    assert_eq!(decode(""), json("body", 0, "a value"));
    assert_eq!(decode(r#"{"a": 1} x"#), json("body", 9, "the end"));
    assert_eq!(sealed(r#"{"method": "#), json("message", 11, "a value"));
    assert_eq!(
        sealed(r#"{"method": "m"} x"#),
        json("message", 16, "the end")
    );
}

#[test]
fn properties_decide_before_the_body() {
    assert!(with_properties(|_| {}).is_ok());
    assert!(with_properties(|p| p.content_encoding = None).is_ok());
    assert!(with_properties(|p| p.content_encoding = Some("UTF-8".into())).is_ok());
    let error = with_properties(|p| p.content_type = None);
    assert_eq!(error, Err(WireError::ContentType(None)));
    let error = with_properties(|p| p.content_type = Some("text/plain".into()));
    assert_eq!(
        error,
        Err(WireError::ContentType(Some("text/plain".into())))
    );
    let error = with_properties(|p| p.content_encoding = Some("binary".into()));
    assert_eq!(error, Err(WireError::ContentEncoding("binary".into())));
    let error = with_properties(|p| p.compression = Some("x".repeat(1000).into()));
    assert!(matches!(error, Err(WireError::Compression(name)) if name.len() == 40));
}

#[test]
fn hostile_sizes_are_refused() {
    let limits = Limits {
        body: 100,
        depth: 4,
        context_keys: 2,
        ..Limits::default()
    };
    let decode = |body: &str| decode_request(body.as_bytes(), &MessageProperties::json(), &limits);
    let long = format!(r#"{{"method": "{}"}}"#, "m".repeat(100));
    assert_eq!(
        decode(&long),
        Err(WireError::TooLarge {
            length: 114,
            limit: 100
        })
    );
    let deep = r#"{"method": "m", "args": [[[[]]]]}"#;
    let error = JsonError::TooDeep { limit: 4 };
    assert_eq!(
        decode(deep),
        Err(WireError::Json {
            part: "body",
            error
        })
    );
    let keys = r#"{"method": "m", "_context_a": 1, "_context_b": 2, "_context_c": 3}"#;
    assert_eq!(decode(keys), Err(WireError::TooManyContextKeys(2)));
    let not_text = decode_request(b"{\"a\xff", &MessageProperties::json(), &limits);
    assert_eq!(not_text, Err(WireError::NotUtf8(3)));
    // Ten million brackets need neither stack nor time.
    let brackets = format!(r#"{{"method": "m", "args": {}"#, "[".repeat(10_000_000));
    assert!(matches!(
        self::decode(&brackets),
        Err(WireError::Json { .. })
    ));
    let number = format!(
        r#"{{"method": "m", "args": {{"n": {}}}}}"#,
        "9".repeat(1_000_000)
    );
    assert!(
        sealed(&number)
            .unwrap()
            .args
            .member("n")
            .unwrap()
            .decode::<f64>()
            .is_ok()
    );
}

#[test]
fn a_lone_surrogate_passes_through() {
    // Escaped in the payload, as Python writes it, and in the envelope's string.
    for text in [r#""\\ud800""#, r#""\ud800""#] {
        let inner = text.trim_matches('"');
        let body = format!(
            r#"{{"oslo.version": "2.0", "oslo.message": "{{\"method\": \"m\", \"args\": {{\"a\": \"{inner}\"}}}}"}}"#
        );
        let request = decode(&body).unwrap();
        let argument = request.args.member("a").unwrap();
        assert_eq!(argument.as_str(), r#""\ud800""#);
        assert!(
            argument
                .decode::<String>()
                .unwrap_err()
                .to_string()
                .contains("lone surrogate")
        );
        let again = request.encode(Charset::Utf8);
        assert_eq!(
            decode(std::str::from_utf8(&again).unwrap()).unwrap(),
            request
        );
    }
}

fn any_json() -> impl Strategy<Value = RawJson> {
    let leaf = prop_oneof![
        Just(raw("NaN")),
        Just(raw("1.00")),
        Just(raw("\"\\ud800\"")),
        any::<i128>().prop_map(|number| RawJson::encode(&number).unwrap()),
        any::<String>().prop_map(|text| RawJson::encode(&text).unwrap()),
    ];
    leaf.prop_recursive(4, 20, 4, |inner| {
        let list = proptest::collection::vec(inner.clone(), 0..4);
        let object = proptest::collection::btree_map(".{0,8}", inner, 0..4);
        prop_oneof![
            list.prop_map(|list| RawJson::encode(&list).unwrap()),
            object.prop_map(|object| RawJson::encode(&object).unwrap()),
        ]
    })
}

prop_compose! {
    fn any_request()(
        method in any::<String>(),
        args in any_json(),
        namespace in any::<Option<String>>(),
        version in proptest::option::of((0_u32..100, 0_u32..100)),
        context in proptest::collection::btree_map(".{0,8}", any_json(), 0..6),
        monitor in proptest::option::of(0_u64..100_000),
    ) -> OutgoingRequest {
        let mut request = OutgoingRequest::new(method, args);
        request.namespace = namespace.map(Text::from);
        request.version = version.map(Version::from);
        request.monitor = monitor.map(Duration::from_millis);
        for (key, value) in context {
            request.context.insert_raw(key, value);
        }
        request
    }
}

fn same_context(left: &Context, right: &Context) -> bool {
    left.iter().eq(right.iter())
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        request in any_request(),
        unique_id in any::<u128>(),
        call in proptest::option::of((any::<u128>(), any::<String>())),
        ascii in any::<bool>(),
        cancel in any::<bool>(),
    ) {
        let charset = if ascii { Charset::Ascii } else { Charset::Utf8 };
        let call = call.as_ref().map(|(id, q)| CallIds { msg_id: Id::from(*id), reply_q: q, cancel });
        let ids = RequestIds { unique_id: Id::from(unique_id), call };
        let body = encode_request(&request, &ids, charset);
        let received = decode(std::str::from_utf8(&body).unwrap()).unwrap();
        prop_assert_eq!(&received.method, &request.method);
        // In ASCII, raw text is escaped; otherwise it stays as it is.
        prop_assert!(received.args.json_eq(&request.args));
        if !ascii {
            prop_assert_eq!(&received.args, &request.args);
            prop_assert!(same_context(&received.context, &request.context));
        }
        prop_assert_eq!(&received.namespace, &request.namespace);
        let version = request.version.map_or(Version::DEFAULT, |version| version);
        prop_assert_eq!(received.version.version(), Ok(version));
        prop_assert_eq!(received.unique_id.as_deref().map(Id::of), Some(ids.unique_id));
        prop_assert_eq!(received.msg_id.as_deref().and_then(Id::parse), call.map(|call| call.msg_id));
        prop_assert_eq!(received.reply_q.as_deref(), call.map(|call| call.reply_q));
        prop_assert_eq!(received.cancel, call.is_some() && cancel);
        if call.is_some() && request.monitor.is_some() {
            prop_assert_eq!(received.context.client_timeout(), request.monitor);
        }
        let again = received.encode(charset);
        prop_assert_eq!(decode(std::str::from_utf8(&again).unwrap()).unwrap(), received);
    }

    #[test]
    fn any_bytes_give_a_request_or_an_error(
        body in proptest::collection::vec(any::<u8>(), 0..80),
        text in "\\{?(\"(method|args|oslo.version|oslo.message|_context_)\":|[\\[\\]{}\",:\\\\u0-9a]){0,20}"
    ) {
        let limits = Limits::default();
        let _ = decode_request(&body, &MessageProperties::json(), &limits);
        let _ = decode_request(text.as_bytes(), &MessageProperties::json(), &limits);
    }
}
