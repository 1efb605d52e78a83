//! What a message costs on the wire, in instructions: encodes or decodes one kind of body again
//! and again, for a tool that counts.
//!
//! ```text
//! cargo build --release -p bergen-messaging --example wire_cost
//! valgrind --tool=callgrind --collect-atstart=no --toggle-collect='*measured*' \
//!     target/release/examples/wire_cost encode-request
//! ```
//! The count divided by [`TIMES`] is that of one body. The work is named `encode-request`,
//! `decode-request`, `encode-reply` or `decode-reply`.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a program for the workshop"
)]

use std::hint::black_box;

use bergen_messaging::target::Version;
use bergen_messaging::wire::{
    CallIds, Charset, Id, Limits, MessageProperties, Outcome, OutgoingRequest, RawJson, RequestIds,
    decode_reply, decode_request, encode_reply, encode_request,
};

/// How often the work is done.
const TIMES: usize = 10_000;

fn main() {
    let work = std::env::args().nth(1).unwrap_or_default();
    let samples = Samples::new();
    let bytes = match work.as_str() {
        "encode-request" => measured(|| samples.request_body().len()),
        "decode-request" => {
            let body = samples.request_body();
            measured(|| {
                let request = decode_request(&body, &samples.properties, &samples.limits);
                request.expect("a request").args.as_str().len()
            })
        }
        "encode-reply" => measured(|| samples.reply_body().len()),
        "decode-reply" => {
            let body = samples.reply_body();
            measured(|| {
                let reply = decode_reply(&body, &samples.properties, &samples.limits);
                reply.expect("a reply").result.as_str().len()
            })
        }
        other => {
            println!("{other:?} is none of the works named above");
            return;
        }
    };
    println!("{work}: {TIMES} times, {bytes} bytes");
}

/// Apart from the rest, so that a tool can tell it by its name.
#[inline(never)]
fn measured(mut work: impl FnMut() -> usize) -> usize {
    (0..TIMES).map(|_| black_box(work())).sum()
}

struct Samples {
    request: OutgoingRequest,
    result: Outcome,
    properties: MessageProperties,
    limits: Limits,
}

impl Samples {
    fn new() -> Self {
        let text = "A sentence of an instance's console, as text goes. ".repeat(8);
        let args = RawJson::parse(format!(r#"{{"text": "{text}"}}"#)).expect("JSON");
        let mut request = OutgoingRequest::new("echo", args);
        request.version = Some(Version::new(1, 0));
        let result = RawJson::parse(format!("\"{text}\"")).expect("JSON");
        Self {
            request,
            result: Outcome::Result(result),
            properties: MessageProperties::json(),
            limits: Limits::default(),
        }
    }

    fn request_body(&self) -> bytes::Bytes {
        let ids = RequestIds {
            unique_id: Id::from(0x0123_4567_89ab_4def_8123_4567_89ab_cdef),
            call: Some(CallIds {
                msg_id: Id::from(0xfedc_ba98_7654_4210_8edc_ba98_7654_3210),
                cancel: false,
                reply_q: "reply_0123456789abcdef0123456789abcdef",
            }),
        };
        encode_request(&self.request, &ids, Charset::default())
    }

    fn reply_body(&self) -> bytes::Bytes {
        encode_reply(
            "fedcba9876544210",
            &self.result,
            Id::from(0x0123_4567_89ab_4def_8123_4567_89ab_cdef),
            Charset::default(),
        )
    }
}
