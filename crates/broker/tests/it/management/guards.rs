//! Who is kept out.

use std::time::{Duration, Instant};

use bergen_broker::{
    Access, Broker, HttpSettings, ManagementError, PasswordHash, StartError, User,
};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::http::Http;
use super::{amqp_port, connect, start, start_with};

#[tokio::test]
async fn without_http_there_is_none() {
    let broker = Broker::builder().start().await.unwrap();
    assert_eq!(broker.http_address(), None);
}

#[tokio::test]
async fn every_path_wants_a_login() {
    let (_broker, http) = start().await;
    for path in [
        "/",
        "/api/overview",
        "/api/whoami",
        "/api/nothing",
        "/api/health/checks/alarms",
    ] {
        for login in [
            "",
            "Authorization: Basic bm90OnJpZ2h0\r\n",
            "Authorization: Bearer x\r\n",
            "Authorization: Basic\r\n",
        ] {
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{login}\r\n"
            );
            let answer = http.raw(&request).await;
            assert_eq!(answer.status, 401, "{path} {login}");
            assert_eq!(
                answer.header("www-authenticate").as_deref(),
                Some("Basic realm=\"RabbitMQ Management\"")
            );
            assert_eq!(
                answer.json(),
                json!({"error": "not_authorized", "reason": "Login failed"})
            );
        }
    }
}

#[tokio::test]
async fn the_root_says_what_this_is() {
    let (_broker, http) = start().await;
    let request = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Basic {}\r\n\r\n",
        http.login()
    );
    let answer = http.raw(&request).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("/api/overview"), "{}", answer.body);
    assert_eq!(
        answer.header("content-type").as_deref(),
        Some("text/plain; charset=utf-8")
    );
}

#[tokio::test]
async fn wrong_passwords_are_answered_ever_more_slowly() {
    let (_broker, http) = start().await;
    let wrong = Http::new(http.address, "guest", "wrong");
    let mut first = Duration::ZERO;
    for attempt in 0..4 {
        let start = Instant::now();
        assert_eq!(wrong.get("overview").await.status, 401);
        if attempt == 0 {
            first = start.elapsed();
        } else if attempt == 3 {
            // 100 ms doubled three times; the machine may add to both.
            assert!(
                start.elapsed() >= Duration::from_millis(700),
                "{first:?} {:?}",
                start.elapsed()
            );
        }
    }
}

#[tokio::test]
async fn a_foreign_host_is_refused_before_the_password_is_looked_at() {
    let mut settings = HttpSettings::new("127.0.0.1:0");
    settings.hosts = vec!["broker.example".to_owned()];
    let (_broker, http) = start_with(settings).await;
    let ask = async |host: &str| {
        let request = format!(
            "GET /api/whoami HTTP/1.1\r\n{host}Authorization: Basic {}\r\nConnection: close\r\n\r\n",
            http.login()
        );
        http.raw(&request).await.status
    };
    for host in ["localhost", "127.0.0.1:15672", "[::1]", "broker.example:1"] {
        assert_eq!(ask(&format!("Host: {host}\r\n")).await, 200, "{host}");
    }
    for host in ["evil.example", "127.0.0.1.evil.example", "192.0.2.1"] {
        assert_eq!(ask(&format!("Host: {host}\r\n")).await, 403, "{host}");
    }
    assert_eq!(ask("").await, 400);
    assert_eq!(ask("Host: localhost\r\nHost: localhost\r\n").await, 400);
}

#[tokio::test]
async fn a_page_from_elsewhere_is_refused() {
    let (_broker, http) = start().await;
    let own = format!("Origin: http://{}\r\n", http.address);
    assert_eq!(http.send_with("GET", "whoami", &own, "").await.status, 200);
    for origin in ["http://evil.example", "null", "http://127.0.0.1:1"] {
        let header = format!("Origin: {origin}\r\n");
        let answer = http.send_with("DELETE", "vhosts/%2F", &header, "").await;
        assert_eq!(answer.status, 403, "{origin}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    assert_eq!(
        http.send_with("GET", "whoami", "Sec-Fetch-Site: cross-site\r\n", "")
            .await
            .status,
        403
    );
    assert_eq!(
        http.get("vhosts/%2F").await.status,
        200,
        "it is still there"
    );
}

#[tokio::test]
async fn a_body_is_bounded_in_size_and_time() {
    let mut settings = HttpSettings::new("127.0.0.1:0");
    settings.max_body = 1000;
    settings.timeout = Duration::from_millis(300);
    let (_broker, http) = start_with(settings).await;
    let put = |more: &str, body: &str| {
        format!(
            "PUT /api/queues/%2F/q HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Authorization: Basic {}\r\n{more}\r\n{body}",
            http.login()
        )
    };
    // Declared: nothing of it is read.
    assert_eq!(
        http.raw(&put("Content-Length: 1001\r\n", "")).await.status,
        413
    );
    assert_eq!(
        http.raw(&put("Content-Length: 99999999999999\r\n", ""))
            .await
            .status,
        413
    );
    // Not declared.
    let chunk = format!("3e8\r\n{}\r\n1\r\n \r\n0\r\n\r\n", " ".repeat(1000));
    assert_eq!(
        http.raw(&put("Transfer-Encoding: chunked\r\n", &chunk))
            .await
            .status,
        413
    );
    // Declared, and never sent.
    assert_eq!(
        http.raw(&put("Content-Length: 10\r\n", "{")).await.status,
        408
    );
    // Before login not even that: the answer comes without the body.
    let stranger = "PUT /api/queues/%2F/q HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 500\r\n\r\n";
    assert_eq!(http.raw(stranger).await.status, 401);
    assert_eq!(http.get("queues/%2F/q").await.status, 404);
}

#[tokio::test]
async fn a_head_is_bounded_in_size_and_time() {
    let mut settings = HttpSettings::new("127.0.0.1:0");
    settings.timeout = Duration::from_millis(300);
    let (_broker, http) = start_with(settings).await;
    let big = format!(
        "GET /api/whoami HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n",
        "x".repeat(64 << 10)
    );
    assert_eq!(http.raw(&big).await.status, 431);
    let many = format!(
        "GET /api/whoami HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
        "X: y\r\n".repeat(500)
    );
    assert_eq!(http.raw(&many).await.status, 431);
    // Half a head, then nothing: the socket is closed.
    let mut socket = TcpStream::connect(http.address).await.unwrap();
    socket
        .write_all(b"GET /api/whoami HTTP/1.1\r\nHost: loc")
        .await
        .unwrap();
    let mut rest = Vec::new();
    let read = timeout(Duration::from_secs(20), socket.read_to_end(&mut rest)).await;
    assert!(read.is_ok(), "the socket stays open");
    assert!(!String::from_utf8_lossy(&rest).contains("200 OK"));
}

#[tokio::test]
async fn a_flood_is_slowed_down_and_the_broker_serves_on() {
    let mut settings = HttpSettings::new("127.0.0.1:0");
    settings.requests_per_second = 5;
    let (broker, http) = start_with(settings).await;
    let mut refused = 0;
    for _ in 0..100 {
        let answer = http.get("overview").await;
        if answer.status == 429 {
            refused += 1;
            assert!(answer.header("retry-after").is_some());
        }
    }
    assert!(refused > 0);
    let (connection, _events) = connect(amqp_port(&broker), "/").await;
    connection.open_channel().await.unwrap();
}

#[tokio::test]
async fn sockets_beyond_the_cap_wait_for_their_turn() {
    let mut settings = HttpSettings::new("127.0.0.1:0");
    settings.max_connections = 2;
    settings.timeout = Duration::from_millis(500);
    let (broker, http) = start_with(settings).await;
    // These say nothing, and are thrown out for it.
    let mut idle = Vec::new();
    for _ in 0..2 {
        idle.push(TcpStream::connect(http.address).await.unwrap());
    }
    let start = Instant::now();
    assert_eq!(http.get("whoami").await.status, 200);
    assert!(
        start.elapsed() >= Duration::from_millis(300),
        "{:?}",
        start.elapsed()
    );
    let (connection, _events) = connect(amqp_port(&broker), "/").await;
    connection.open_channel().await.unwrap();
}

#[tokio::test]
async fn no_reply_holds_a_password() {
    let secret = "s3cret-that-nobody-sees";
    let hash = PasswordHash::new(secret);
    let boss = User::new("boss", hash.clone()).full_access();
    let access = Access::new([boss]).unwrap();
    let broker = Broker::builder()
        .access(access)
        .http("127.0.0.1:0")
        .start()
        .await
        .unwrap();
    let http = Http::new(broker.http_address().unwrap(), "boss", secret);
    for path in [
        "users",
        "users/boss",
        "definitions",
        "whoami",
        "users/without-permissions",
        "permissions",
    ] {
        let answer = http.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.body.contains(secret), "{path}: {}", answer.body);
        assert!(
            !answer.body.contains(&hash.base64()),
            "{path}: {}",
            answer.body
        );
    }
}

#[tokio::test]
async fn http_beyond_loopback_needs_to_be_allowed() {
    let error = Broker::builder()
        .http("0.0.0.0:0")
        .start()
        .await
        .unwrap_err();
    assert!(
        matches!(error, StartError::Http(ManagementError::Unencrypted { .. })),
        "{error}"
    );
    let mut settings = HttpSettings::new("0.0.0.0:0");
    settings.insecure = true;
    let broker = Broker::builder().http(settings).start().await.unwrap();
    assert!(broker.http_address().is_some());
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let (_broker, http) = start().await;
    let error = Broker::builder()
        .http(http.address)
        .start()
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains(&http.address.to_string()),
        "{error}"
    );
}

#[tokio::test]
async fn a_stopped_broker_answers_no_more() {
    let (broker, http) = start().await;
    assert_eq!(http.get("whoami").await.status, 200);
    broker.stop().await;
    assert!(TcpStream::connect(http.address).await.is_err());
}
