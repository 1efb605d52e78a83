//! What peers send and operators write: every text gives a value that can be written again, or an
//! error.

use bergen_messaging::url::TransportUrl;
use bergen_messaging::wire::envelope::{open, seal};
use bergen_messaging::wire::{
    Charset, Compression, JsonError, Limits, MessageProperties, RawJson, decode_reply,
    decode_request,
};

/// JSON text: what `serde_json` takes, the scanner takes, and nothing that is read from a checked
/// text disturbs anybody.
pub fn json(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let json = match RawJson::parse(text) {
        Ok(json) => json,
        Err(JsonError::TooDeep { .. }) => return,
        Err(error) => {
            let theirs = serde_json::from_str::<&serde_json::value::RawValue>(text);
            assert!(theirs.is_err(), "refused: {error}: {text:?}");
            return;
        }
    };
    assert!(json.json_eq(&json), "{json} differs from itself");
    assert_eq!(RawJson::encode(&json).as_ref(), Ok(&json));
    for (key, value) in json.members() {
        assert!(json.member(&key).is_some(), "{key} is lost");
        assert_eq!(RawJson::parse(value.as_str()).as_ref(), Ok(&value));
    }
    for element in json.elements() {
        assert_eq!(RawJson::parse(element.as_str()).as_ref(), Ok(&element));
    }
    let _ = json.as_text();
    let _ = json.decode::<serde_json::Value>();
    let _ = json.decode::<Vec<(f64, Option<i128>, String)>>();
}

/// An envelope, or a payload without one: what is taken out and sealed again comes out the same.
pub fn envelope(data: &[u8]) {
    let open = |body: &[u8]| open(body, &MessageProperties::json(), &Limits::default());
    let Ok(payload) = open(data) else { return };
    assert_eq!(open(&seal(&payload, Charset::Utf8)).as_ref(), Ok(&payload));
    let ascii = seal(&payload, Charset::Ascii);
    assert!(ascii.is_ascii(), "{payload}");
    let again = open(&ascii).expect("what we seal can be opened");
    assert!(again.json_eq(&payload), "{payload}");
    let _ = payload.untagged();
}

/// The text of a failure: whatever it is, there is a failure, and it is written so that it is read
/// as the same one.
pub fn failure(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let read = |text: &str| {
        let text = RawJson::encode(text).expect("text is JSON");
        let body = format!(r#"{{"_msg_id": "1", "failure": {text}}}"#);
        let reply = decode_reply(
            body.as_bytes(),
            &MessageProperties::json(),
            &Limits::default(),
        );
        reply.expect("a reply").failure
    };
    let Some(failure) = read(text) else {
        assert!(text.is_empty(), "{text:?} is no failure");
        return;
    };
    assert_eq!(read(&failure.to_json()).as_ref(), Some(&failure));
    let _ = failure.canonical_module();
    let _ = failure.without_remote_suffix();
}

/// The body of a request.
pub fn request(data: &[u8]) {
    let decode = |body: &[u8]| decode_request(body, &MessageProperties::json(), &Limits::default());
    let Ok(request) = decode(data) else { return };
    let _ = (request.keep_alive(), request.version.version());
    let _ = request.context.client_timeout();
    assert_eq!(
        decode(&request.encode(Charset::Utf8)).as_ref(),
        Ok(&request)
    );
    let ascii = decode(&request.encode(Charset::Ascii)).expect("what we write is a request");
    assert!(ascii.args.json_eq(&request.args), "{request:?}");
}

/// The body of a reply.
pub fn reply(data: &[u8]) {
    let decode = |body: &[u8]| decode_reply(body, &MessageProperties::json(), &Limits::default());
    let Ok(reply) = decode(data) else { return };
    let again = decode(&reply.encode(Charset::Utf8));
    assert_eq!(again.as_ref(), Ok(&reply));
    let ascii = decode(&reply.encode(Charset::Ascii)).expect("what we write is a reply");
    assert!(ascii.result.json_eq(&reply.result), "{reply:?}");
}

/// A transport URL.
pub fn url(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match text.parse::<TransportUrl>() {
        Ok(url) => assert_eq!(url.with_credentials().parse().as_ref(), Ok(&url)),
        Err(error) => assert!(error.position <= text.chars().count(), "{error}"),
    }
}

/// A compressed body: the first byte says by which algorithm. No decompressor panics, and none gives more than it may.
pub fn compression(data: &[u8]) {
    const LIMIT: usize = 1 << 20;
    let algorithms = ["gzip", "bzip2", "lzma", "brotli", "zstd"];
    let Some((first, body)) = data.split_first() else {
        return;
    };
    let name = algorithms.get(usize::from(*first) % algorithms.len());
    let Some(compression) = name.and_then(|name| Compression::from_name(name)) else {
        panic!("{name:?} is no name");
    };
    match compression.decompress(body, LIMIT) {
        Ok(plain) => assert!(plain.len() <= LIMIT),
        Err(error) => {
            let text = error.to_string();
            assert!(!text.contains("the decompressor failed"), "{text}");
        }
    }
}
