//! HTTP by hand, so that a test can also say what no client would.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// As long as any answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A user of an API.
#[derive(Debug, Clone)]
pub(super) struct Http {
    pub(super) address: SocketAddr,
    login: String,
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Http {
    pub(super) fn new(address: SocketAddr, user: &str, password: &str) -> Self {
        let login = STANDARD.encode(format!("{user}:{password}"));
        Self { address, login }
    }

    /// `http://user:password@host:port/`
    pub(super) fn at(url: &str) -> Self {
        let (_, rest) = url.split_once("://").unwrap();
        let (login, rest) = rest.split_once('@').unwrap();
        let (user, password) = login.split_once(':').unwrap();
        let address = rest.trim_end_matches('/').parse().unwrap();
        Self::new(address, user, password)
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "").await
    }

    /// The JSON of an answer that must be a good one.
    pub(super) async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    pub(super) async fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        self.send_with(method, path, "", body).await
    }

    /// With more headers, each ending with a line's end.
    pub(super) async fn send_with(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> Answer {
        let kind = if body.is_empty() {
            ""
        } else {
            "Content-Type: application/json\r\n"
        };
        self.raw(&format!(
            "{method} /api/{path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Basic {}\r\nConnection: close\r\n\
             Content-Length: {}\r\n{kind}{headers}\r\n{body}",
            self.address,
            self.login,
            body.len()
        ))
        .await
    }

    /// Sends just that and reads what comes until the end.
    pub(super) async fn raw(&self, request: &str) -> Answer {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        // A server that refuses early may not read it all.
        let _ = socket.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        let read = timeout(PATIENCE, socket.read_to_end(&mut answer)).await;
        let read = read.expect("no answer in time");
        assert!(read.is_ok() || !answer.is_empty(), "{read:?}");
        Answer::parse(&String::from_utf8(answer).unwrap())
    }

    pub(super) fn login(&self) -> &str {
        &self.login
    }
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let body = if header(head, "transfer-encoding").is_some() {
            joined(body)
        } else {
            body.to_owned()
        };
        Self {
            status: status.unwrap_or_default(),
            head: head.to_owned(),
            body,
        }
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(super) fn header(&self, name: &str) -> Option<String> {
        header(&self.head, name)
    }

    /// The `reason` of a refusal.
    pub(super) fn reason(&self) -> Value {
        self.json()["reason"].clone()
    }
}

fn header(head: &str, name: &str) -> Option<String> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name)
            .then(|| value.trim().to_owned())
    })
}

/// The body of chunks.
fn joined(mut chunks: &str) -> String {
    let mut body = String::new();
    while let Some((size, rest)) = chunks.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            break;
        }
        body.push_str(&rest[..size]);
        chunks = &rest[size + 2..];
    }
    body
}

/// A name as one segment of a path.
pub(super) fn segment(name: &str) -> String {
    let mut escaped = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(char::from(byte));
            }
            _ => {
                let _ = write!(escaped, "%{byte:02X}");
            }
        }
    }
    escaped
}
