//! Answers, and refusals in RabbitMQ's shape: `{"error": …, "reason": …}`.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use crate::core::Refusal;

/// What a request is answered with.
#[derive(Debug)]
pub(super) enum Reply {
    /// 200 with JSON.
    Json(Value),
    /// 201: it was not there before. With the place of what was made, if its path cannot be known from the request.
    Created(Option<String>),
    /// 204: done, nothing to say.
    Done,
    /// 503 with JSON: a health check that fails.
    Failing(Value),
    /// 200 with the methods that a path knows.
    Options(&'static str),
    /// 200 with text.
    Text(&'static str),
}

impl Reply {
    /// To a request that something be there.
    pub(super) fn declared(existed: bool) -> Self {
        if existed {
            Self::Done
        } else {
            Self::Created(None)
        }
    }
}

/// Why a request was not carried out.
#[derive(Debug, PartialEq)]
pub(super) struct Refused {
    status: StatusCode,
    error: &'static str,
    reason: Value,
    /// Of `Allow` or `Retry-After`.
    header: Option<(header::HeaderName, String)>,
}

impl Refused {
    pub(super) fn bad_request(reason: impl Into<Value>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", reason)
    }

    /// No such path or no such thing.
    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Object Not Found", "Not Found")
    }

    /// Something is to be made in a virtual host that is not there.
    pub(super) fn no_virtual_host() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "vhost_not_found")
    }

    /// The user may not. RabbitMQ answers 401 here as well.
    pub(super) fn not_authorised(reason: impl Into<Value>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not_authorised", reason)
    }

    /// No credentials, or wrong ones.
    pub(super) fn login(reason: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not_authorized", reason)
    }

    /// This client may not speak to the API at all.
    pub(super) fn forbidden(reason: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", reason)
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let reason = format!("the body is longer than {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", reason)
    }

    pub(super) fn too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "timeout",
            "the body did not arrive in time",
        )
    }

    pub(super) fn too_many_requests(retry_after_seconds: u64) -> Self {
        let refused = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_requests",
            "slow down",
        );
        refused.with(header::RETRY_AFTER, retry_after_seconds.to_string())
    }

    pub(super) fn method_not_allowed(allowed: &'static str) -> Self {
        let refused = Self::new(StatusCode::METHOD_NOT_ALLOWED, "", Value::Null);
        refused.with(header::ALLOW, allowed.to_owned())
    }

    /// The broker is going away.
    pub(super) fn stopping() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "the broker is stopping",
        )
    }

    /// Nobody may publish at the moment.
    pub(super) fn blocked(alarm: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "blocked", alarm)
    }

    /// Pagination that makes no sense.
    pub(super) fn pagination(error: &'static str, reason: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, reason)
    }

    /// What a change of exchanges, queues or bindings was refused with: RabbitMQ tells it without its code.
    pub(super) fn change(refusal: &Refusal) -> Self {
        let text = match refusal.text.split_once(" - ") {
            Some((code, text)) if code.chars().all(|c| c.is_ascii_uppercase() || c == '_') => text,
            _ => &refusal.text,
        };
        match refusal.code {
            403 => Self::not_authorised("Access refused."),
            404 => Self::new(StatusCode::NOT_FOUND, "not_found", text),
            _ => Self::bad_request(text),
        }
    }

    /// What reading a queue was refused with.
    pub(super) fn reading(refusal: &Refusal) -> Self {
        match refusal.code {
            404 => Self::new(StatusCode::NOT_FOUND, "not_found", refusal.text.clone()),
            _ => Self::publishing(refusal),
        }
    }

    /// What publishing was refused with.
    pub(super) fn publishing(refusal: &Refusal) -> Self {
        match refusal.code {
            403 => Self::not_authorised(refusal.text.clone()),
            // RabbitMQ leaves the name of this code out.
            540 => {
                let text = refusal.text.strip_prefix("NOT_IMPLEMENTED - ");
                Self::bad_request(format!("540 {}", text.unwrap_or(&refusal.text)))
            }
            code => Self::bad_request(format!("{code} {}", refusal.text)),
        }
    }

    fn new(status: StatusCode, error: &'static str, reason: impl Into<Value>) -> Self {
        Self {
            status,
            error,
            reason: reason.into(),
            header: None,
        }
    }

    fn with(self, name: header::HeaderName, value: String) -> Self {
        Self {
            header: Some((name, value)),
            ..self
        }
    }
}

/// The answer as it is sent.
pub(super) fn response(answer: Result<Reply, Refused>) -> Response<Full<Bytes>> {
    let json_type = HeaderValue::from_static("application/json");
    let (status, body, kind, extra) = match answer {
        Ok(Reply::Json(value)) => (StatusCode::OK, value.to_string(), Some(json_type), None),
        Ok(Reply::Failing(value)) => (
            StatusCode::SERVICE_UNAVAILABLE,
            value.to_string(),
            Some(json_type),
            None,
        ),
        Ok(Reply::Created(place)) => {
            let place = place.map(|place| (header::LOCATION, place));
            (StatusCode::CREATED, String::new(), None, place)
        }
        Ok(Reply::Done) => (StatusCode::NO_CONTENT, String::new(), None, None),
        Ok(Reply::Options(allowed)) => (
            StatusCode::OK,
            String::new(),
            None,
            Some((header::ALLOW, allowed.to_owned())),
        ),
        Ok(Reply::Text(text)) => {
            let kind = HeaderValue::from_static("text/plain; charset=utf-8");
            (StatusCode::OK, text.to_owned(), Some(kind), None)
        }
        Err(refused) => {
            let body = match refused.reason {
                Value::Null => String::new(),
                reason => json!({"error": refused.error, "reason": reason}).to_string(),
            };
            let kind = (!body.is_empty()).then_some(json_type);
            (refused.status, body, kind, refused.header)
        }
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if let Some(kind) = kind {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    if status == StatusCode::UNAUTHORIZED {
        let realm = HeaderValue::from_static("Basic realm=\"RabbitMQ Management\"");
        headers.insert(header::WWW_AUTHENTICATE, realm);
    }
    if let Some((name, value)) = extra
        && let Ok(value) = HeaderValue::from_str(&value)
    {
        headers.insert(name, value);
    }
    // Nothing of it is for a browser to keep, to guess at or to run.
    for (name, value) in [
        (header::CACHE_CONTROL, "no-cache, no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (header::VARY, "origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
