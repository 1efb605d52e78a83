//! What is told of requests and responses, as Python's middleware tells it.

use std::collections::BTreeMap;

use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, SET_COOKIE};
use http::{HeaderMap, HeaderName, Request, Response};
use percent_encoding::percent_decode_str;
use serde::Serialize;

use crate::mask::is_secret;

/// A request as WSGI describes it, without secrets.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct Environ(BTreeMap<String, String>);

impl Environ {
    pub(super) fn of<B>(request: &Request<B>, service_name: Option<&str>) -> Self {
        let (uri, headers) = (request.uri(), request.headers());
        let host = match headers.get(HOST) {
            Some(host) => String::from_utf8_lossy(host.as_bytes()).into_owned(),
            None => uri.authority().map_or_else(String::new, |authority| {
                let authority = authority.as_str();
                let (_, host) = authority.rsplit_once('@').unwrap_or(("", authority));
                host.to_owned()
            }),
        };
        let (name, port) = name_and_port(&host, uri.scheme_str() == Some("https"));
        let path = percent_decode_str(uri.path()).decode_utf8_lossy();
        let mut environ = BTreeMap::from(
            [
                ("REQUEST_METHOD", request.method().as_str()),
                ("SCRIPT_NAME", ""),
                ("PATH_INFO", &path),
                (
                    "QUERY_STRING",
                    &masked_query(uri.query().unwrap_or_default()),
                ),
                ("SERVER_NAME", name),
                ("SERVER_PORT", port),
                ("SERVER_PROTOCOL", &format!("{:?}", request.version())),
                ("HTTP_HOST", &host),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned())),
        );
        for (name, value) in joined(headers) {
            let key = name.as_str().to_ascii_uppercase().replace('-', "_");
            let key = match *name {
                CONTENT_TYPE | CONTENT_LENGTH => key,
                _ => format!("HTTP_{key}"),
            };
            environ.insert(key, value);
        }
        let service_name = service_name.unwrap_or(&host).to_owned();
        environ.insert("HTTP_X_SERVICE_NAME".to_owned(), service_name);
        Self(environ)
    }
}

/// The status line and the headers.
pub(super) fn of_response<B>(response: &Response<B>) -> serde_json::Value {
    let headers: BTreeMap<_, _> = joined(response.headers())
        .map(|(name, value)| (title_case(name.as_str()), value))
        .collect();
    let status = response.status();
    let reason = status.canonical_reason().unwrap_or("Unknown");
    serde_json::json!({"status": format!("{} {reason}", status.as_u16()), "headers": headers})
}

/// The headers that may be shown, with all values of each.
fn joined(headers: &HeaderMap) -> impl Iterator<Item = (&HeaderName, String)> {
    let shown = headers.keys().filter(|name| !is_secret_header(name));
    shown.map(|name| {
        let values = headers.get_all(name).iter();
        let values: Vec<_> = values
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        (name, values.join(", "))
    })
}

fn is_secret_header(name: &HeaderName) -> bool {
    [COOKIE, SET_COOKIE].contains(name)
        || name.as_str().ends_with(AUTHORIZATION.as_str())
        || is_secret(&name.as_str().replace('-', "_"))
}

/// `host:port` apart; without a port the usual one.
fn name_and_port(host: &str, is_https: bool) -> (&str, &str) {
    match host.rsplit_once(':') {
        // Else the colon belongs to an IPv6 address.
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (name, port),
        _ => (host, if is_https { "443" } else { "80" }),
    }
}

/// The query string with the values of secret parameters blanked.
fn masked_query(query: &str) -> String {
    let parameters = query.split('&').map(|parameter| {
        let (name, _) = parameter.split_once('=').unwrap_or((parameter, ""));
        let is_shown = !is_secret(&percent_decode_str(name).decode_utf8_lossy());
        if is_shown {
            parameter.to_owned()
        } else {
            format!("{name}=***")
        }
    });
    parameters.collect::<Vec<_>>().join("&")
}

/// `content-type` as Python's servers write it: `Content-Type`.
fn title_case(name: &str) -> String {
    let word = |word: &str| {
        let mut characters = word.chars();
        let first = characters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(characters).collect::<String>()
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}
