//! Messages captured between Python peers: each decodes, and what we write again is the same.

use std::path::PathBuf;
use std::time::Duration;

use bergen_messaging::wire::{
    Charset, Compression, KeepAlive, Limits, MessageProperties, RawJson, Reply, Request,
    RequestVersion, WireError, decode_reply, decode_request,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Sample {
    routing_key: String,
    properties: Properties,
    body: String,
    body_encoding: Option<String>,
}

#[derive(Deserialize)]
struct Properties {
    content_type: String,
    content_encoding: String,
    headers: serde_json::Map<String, serde_json::Value>,
    expiration: Option<String>,
}

impl Sample {
    fn read(name: &str) -> Self {
        let text = std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    fn properties(&self) -> MessageProperties {
        let Properties {
            content_type,
            content_encoding,
            headers,
            expiration,
        } = &self.properties;
        let compression = headers.get("compression").and_then(|value| value.as_str());
        MessageProperties {
            content_type: Some(content_type.clone().into()),
            content_encoding: Some(content_encoding.clone().into()),
            compression: compression.map(|compression| compression.to_owned().into()),
            expiration: expiration
                .as_deref()
                .and_then(MessageProperties::parse_expiration),
        }
    }

    fn request(&self) -> Result<Request, WireError> {
        decode_request(&self.bytes(), &self.properties(), &Limits::default())
    }

    fn bytes(&self) -> Vec<u8> {
        match self.body_encoding.as_deref() {
            None => self.body.clone().into_bytes(),
            Some(encoding) => {
                assert_eq!(encoding, "base64");
                base64(&self.body)
            }
        }
    }

    fn reply(&self) -> Result<Reply, WireError> {
        decode_reply(self.body.as_bytes(), &self.properties(), &Limits::default())
    }

    fn is_reply(&self) -> bool {
        self.routing_key.starts_with("reply_")
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/samples")
}

fn names() -> Vec<String> {
    let files = std::fs::read_dir(folder()).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    paths
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}

fn request(name: &str) -> Request {
    Sample::read(name).request().unwrap()
}

fn reply(name: &str) -> Reply {
    Sample::read(name).reply().unwrap()
}

fn base64(text: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let value = |byte: u8| (0..64).find(|value| alphabet[usize::from(*value)] == byte);
    let text: Vec<u8> = text.bytes().filter_map(value).collect();
    let mut bytes = Vec::new();
    for group in text.chunks(4) {
        let at = |index: usize| group.get(index).copied().unwrap_or(0_u8);
        let whole = [
            at(0) << 2 | at(1) >> 4,
            at(1) << 4 | at(2) >> 2,
            at(2) << 6 | at(3),
        ];
        bytes.extend_from_slice(&whole[..group.len() - 1]);
    }
    bytes
}

/// The payload of a body.
fn payload(body: &str) -> RawJson {
    let body = RawJson::parse(body).unwrap();
    RawJson::parse(
        body.member("oslo.message")
            .unwrap()
            .decode::<String>()
            .unwrap(),
    )
    .unwrap()
}

#[test]
fn every_sample_decodes_and_encodes_to_the_same() {
    let mut seen = 0;
    for name in names() {
        let sample = Sample::read(&name);
        if sample.properties().compression.is_some() {
            continue;
        }
        seen += 1;
        let encode = |charset| {
            let body = if sample.is_reply() {
                sample.reply().unwrap().encode(charset)
            } else {
                sample.request().unwrap().encode(charset)
            };
            String::from_utf8(body.to_vec()).unwrap()
        };
        // To the byte, if we write like Python.
        assert_eq!(encode(Charset::Ascii), sample.body, "{name}");
        assert!(
            payload(&encode(Charset::Utf8)).json_eq(&payload(&sample.body)),
            "{name}"
        );
    }
    assert_eq!(seen, 24);
}

#[test]
fn compressed_samples_are_read_by_their_header() {
    for name in ["rpc-call-gzip", "rpc-call-bzip2"] {
        let sample = Sample::read(name);
        let call = sample.request().unwrap();
        assert_eq!(call.method, "echo", "{name}");
        let header = sample.properties().compression.unwrap();
        let compression = Compression::from_name(&header).unwrap();
        assert_eq!(compression.header(), header);
        // The body that was compressed, to the byte.
        let body = compression.decompress(&sample.bytes(), 10_000).unwrap();
        assert_eq!(call.encode(Charset::Ascii), body, "{name}");
    }
}

#[test]
fn a_compressed_body_is_refused_if_it_is_cut_too_long_or_unknown() {
    let sample = Sample::read("rpc-call-gzip");
    let (body, properties) = (sample.bytes(), sample.properties());
    let decode = |body: &[u8], properties: &MessageProperties, decompressed| {
        let limits = Limits {
            decompressed,
            ..Limits::default()
        };
        decode_request(body, properties, &limits).unwrap_err()
    };
    assert_eq!(
        decode(&body, &properties, 100),
        WireError::DecompressedTooLarge {
            compression: "application/x-gzip",
            limit: 100
        }
    );
    let cut = decode(&body[..body.len() - 1], &properties, 10_000);
    assert!(matches!(cut, WireError::Decompression { .. }), "{cut:?}");
    let unknown = MessageProperties {
        compression: Some("application/x-snappy".into()),
        ..properties
    };
    assert_eq!(
        decode(&body, &unknown, 10_000),
        WireError::Compression("application/x-snappy".into())
    );
}

#[test]
fn a_call_by_topic() {
    let call = request("rpc-call-topic");
    assert_eq!(call.method, "echo");
    assert!(
        call.args.json_eq(
            &RawJson::parse(r#"{"a": 1, "b": "é", "c": [1, 2.5, null, true], "d": {"k": "v"}}"#)
                .unwrap()
        )
    );
    assert_eq!(call.namespace, None);
    assert_eq!(call.version, RequestVersion::Text("1.0".into()));
    assert_eq!(
        call.msg_id.as_deref(),
        Some("654042547409423384ba1bd0e32750a3")
    );
    assert_eq!(
        call.reply_q.as_deref(),
        Some("reply_3472a7d99f1b4bf59449c538c7b57341")
    );
    assert_eq!(
        call.unique_id.as_deref(),
        Some("0ac4465cb98e4d3796360c5327488a08")
    );
    assert_eq!(
        (call.keep_alive(), call.context.client_timeout()),
        (KeepAlive::NotAsked, None)
    );
    assert_eq!(call.context.len(), 6);
    assert_eq!(
        call.context.get::<Vec<String>>("roles").unwrap().unwrap(),
        ["admin"]
    );
    assert_eq!(
        call.context.get::<Option<String>>("auth_token").unwrap(),
        Some(None)
    );
    let sample = Sample::read("rpc-call-topic");
    assert_eq!(sample.properties().expiration, Some(Duration::from_mins(1)));
}

#[test]
fn casts_want_no_answer() {
    for name in [
        "rpc-cast-topic",
        "rpc-cast-server",
        "rpc-cast-fanout",
        "rpc-cast-types",
    ] {
        let cast = request(name);
        assert_eq!(
            (cast.msg_id.clone(), cast.reply_q.clone()),
            (None, None),
            "{name}"
        );
        assert_eq!(
            (cast.keep_alive(), cast.timeout),
            (KeepAlive::NotAsked, None),
            "{name}"
        );
    }
}

#[test]
fn a_monitored_call_asks_for_keep_alives() {
    let call = request("rpc-call-monitored");
    assert_eq!(call.keep_alive(), KeepAlive::Every(Duration::from_secs(1)));
    assert_eq!(call.context.client_timeout(), Some(Duration::from_secs(2)));
    assert!(
        call.context.raw("client_timeout").is_none(),
        "is not sent on with nested calls"
    );
}

#[test]
fn namespace_version_and_trace_fields() {
    let cast = request("rpc-cast-types");
    assert_eq!(cast.namespace.as_deref(), Some("baseapi"));
    assert_eq!(cast.version.version(), Ok((5, 13).into()));
    let trace = cast.context.raw("trace_info").unwrap();
    assert_eq!(trace.member("hmac_key").unwrap().as_str(), "\"k\"");
}

#[test]
fn values_of_many_python_types() {
    let args = request("rpc-cast-types").args;
    let get = |name: &str| args.member(name).unwrap();
    assert_eq!(get("big").decode::<i128>().unwrap(), 1 << 70);
    assert!(get("nan").decode::<f64>().unwrap().is_nan());
    assert_eq!(get("inf").decode::<f64>(), Ok(f64::INFINITY));
    assert_eq!(get("f").as_str(), "1.0");
    assert_eq!(get("uni").as_text().unwrap(), "é😀");
}

#[test]
fn replies() {
    let ok = reply("rpc-reply-ok");
    assert!(ok.ending && ok.failure.is_none() && !ok.is_keep_alive());
    assert_eq!(ok.msg_id, "654042547409423384ba1bd0e32750a3");
    let heartbeat = reply("rpc-reply-heartbeat");
    assert!(heartbeat.is_keep_alive() && !heartbeat.ending);
    assert_eq!(reply("rpc-reply-ping").result.as_text().unwrap(), "pong");
    let null = reply("rpc-reply-null");
    assert!(null.result.is_null() && null.ending && !null.is_keep_alive());
}

#[test]
fn failures() {
    let failure = reply("rpc-reply-failure-kwargs").failure.unwrap();
    assert_eq!(
        (failure.class.as_str(), failure.module.as_str()),
        ("MyErr", "__main__")
    );
    assert_eq!(failure.message, "boom");
    assert_eq!(failure.tb.last().unwrap(), "MyErr: boom\n");
    assert_eq!(failure.args.as_str(), r#"["boom"]"#);
    assert_eq!(failure.kwargs.as_str(), r#"{"instance": "abc", "n": 3}"#);
    assert!(
        reply("rpc-reply-failure-builtin")
            .failure
            .unwrap()
            .is_builtin()
    );
    let failure = reply("rpc-reply-failure-no-such-method").failure.unwrap();
    assert_eq!(failure.module, "oslo_messaging.rpc.dispatcher");
    assert_eq!(failure.class, "NoSuchMethod");
}
