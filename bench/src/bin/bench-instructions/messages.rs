//! The messages that the counts are of: `echo` of 400 bytes, as `bench-rpc` calls it.

use bergen::target::Version;
use bergen::wire::{
    CallIds, Charset, Context, Id, Limits, MessageProperties, Outcome, OutgoingRequest, RawJson,
    RequestIds, decode_request, encode_reply, encode_request,
};
use bergen_amqp::codec::{BasicProperties, FieldTable};
use bergen_amqp::protocol::Message;
use bergen_bench::BenchError;
use bergen_bench::rpc::{EchoArguments, context, failed};
use bytes::Bytes;

/// The size of the echoed text.
pub(crate) const VALUE_BYTES: usize = 400;

pub(crate) const TOPIC: &str = "bench-bergen";

/// The queue in which the callers that the broker plays wait.
pub(crate) const REPLY_QUEUE: &str = "reply_0123456789abcdef0123456789abcdef";

/// What is echoed.
pub(crate) fn value() -> String {
    "x".repeat(VALUE_BYTES)
}

/// The request for `echo`.
pub(crate) fn request(args: RawJson, context: Context) -> OutgoingRequest {
    let mut request = OutgoingRequest::new("echo", args);
    request.version = Some(Version::new(1, 0));
    request.context = context;
    request
}

/// The arguments as the client encodes them.
pub(crate) fn arguments(value: &str) -> Result<RawJson, BenchError> {
    RawJson::encode(&EchoArguments { value }).map_err(failed)
}

/// The properties of all messages of the peers, a call's expiration left out.
pub(crate) fn properties() -> BasicProperties<'static> {
    BasicProperties {
        content_type: Some(MessageProperties::JSON.into()),
        content_encoding: Some(MessageProperties::UTF8.into()),
        headers: Some(FieldTable::new()),
        delivery_mode: Some(2),
        priority: Some(0),
        ..BasicProperties::default()
    }
}

/// Requests that differ in their ids.
pub(crate) struct Requests(OutgoingRequest);

impl Requests {
    pub(crate) fn new() -> Result<Self, BenchError> {
        Ok(Self(request(arguments(&value())?, context()?)))
    }

    /// The queue and the body of one more.
    pub(crate) fn next(&self) -> (String, Bytes) {
        let call = CallIds {
            msg_id: Id::new(),
            reply_q: REPLY_QUEUE,
            cancel: true,
        };
        let ids = RequestIds {
            unique_id: Id::new(),
            call: Some(call),
        };
        (
            TOPIC.to_owned(),
            encode_request(&self.0, &ids, Charset::Utf8),
        )
    }
}

/// The answer that an echo server gives to a request, and the queue it goes to; `None` for a cast.
pub(crate) fn answer(message: &Message) -> Result<Option<(String, Bytes)>, BenchError> {
    let json = MessageProperties::json();
    let request = decode_request(&message.body, &json, &Limits::default()).map_err(failed)?;
    let (Some(msg_id), Some(queue)) = (&request.msg_id, &request.reply_q) else {
        return Ok(None);
    };
    let mut arguments = request.args.members();
    let value = arguments.next().map(|(_, value)| value);
    let outcome = Outcome::Result(value.ok_or_else(|| failed("a request without arguments"))?);
    let reply = encode_reply(msg_id, &outcome, Id::new(), Charset::Utf8);
    Ok(Some((queue.as_str().to_owned(), reply)))
}
