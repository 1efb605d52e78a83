//! What is wrong when a service is set up: each fault is told at once, says what to do, and repeats no password.

use std::sync::Arc;
use std::time::Duration;

use bergen_messaging::driver::{
    Admission, CastOptions, Driver, IncomingRequest, ListenError, ListenOptions, RequestSink,
    Retry, SendError,
};
use bergen_testbed::{Certificates, RabbitNode, TestVhost};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::harness::*;

struct Nobody;

impl RequestSink for Nobody {
    fn request(&self, _: IncomingRequest) -> Admission {
        Admission::Taken
    }
}

/// What a call, a cast and a listener end with, none of which would give up by itself for a long time.
async fn faults(url: &str) -> [String; 3] {
    let begun = Instant::now();
    let driver = driver(url);
    let (target, request) = (topic("compute"), request("echo", "{}"));
    let patience = Duration::from_mins(1);
    let one = topic("compute").with_server("one");
    let (called, sent, listened) = tokio::join!(
        call(&driver, &target, &request, patience),
        driver.cast(&target, &request, CastOptions::default()),
        driver.listen(&one, ListenOptions::new(1), Arc::new(Nobody)),
    );
    let (called, sent, listened) = (
        called.unwrap_err(),
        sent.unwrap_err(),
        listened.err().unwrap(),
    );
    let text = [called.to_string(), sent.to_string(), listened.to_string()];
    for error in [&called, &sent] {
        assert!(
            matches!(
                error,
                SendError::Refused { .. } | SendError::Unreachable { .. }
            ),
            "{error:?}"
        );
    }
    assert!(
        matches!(
            listened,
            ListenError::Refused { .. } | ListenError::Unreachable { .. }
        ),
        "{listened:?}"
    );
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}: {text:?}");
    let shown = format!("{text:?} {called:?} {sent:?} {listened:?}");
    assert!(!shown.contains("s3cret"), "{shown}");
    text
}

async fn fault(url: &str, says: &[&str]) {
    for text in faults(url).await {
        for word in says {
            assert!(text.contains(word), "no {word:?} in {text}");
        }
    }
}

#[tokio::test]
async fn wrong_passwords_and_virtual_hosts_are_told_at_once() {
    let vhost = TestVhost::new("setup").await.unwrap();
    let rabbit = vhost.rabbit();
    let at = format!("{}:{}", rabbit.host(), rabbit.port());
    let url = format!("rabbit://{}:s3cret@{at}/{}", rabbit.user(), vhost.name());
    fault(
        &url,
        &[
            "refused the login of user \"guest\"",
            "check user, password",
        ],
    )
    .await;
    let url = format!("rabbit://nobody:s3cret@{at}/");
    fault(&url, &["refused the login of user \"nobody\""]).await;
    let url = rabbit.url("no-such-vhost");
    fault(&url, &["virtual host \"no-such-vhost\" does not exist"]).await;
    let (user, password) = ("setup-stranger", "s3cret");
    let management = vhost.management();
    management.create_user(user, password, "/").await.unwrap();
    let url = format!("rabbit://{user}:{password}@{at}/{}", vhost.name());
    let may_not = format!("user {user:?} may not use virtual host");
    fault(&url, &[&may_not, "permissions"]).await;
}

#[tokio::test]
async fn certificates_and_ports_that_do_not_fit_are_told_at_once() {
    let certificates = Certificates::new().unwrap();
    certificates.issue("server", "localhost").unwrap();
    let path = |file: &str| certificates.path(file);
    let node = RabbitNode::builder()
        .tls(
            &path("ca.pem"),
            &path("server.pem"),
            &path("server.key"),
            true,
        )
        .start()
        .await
        .unwrap();
    let (user, password) = ("nova", "s3cret");
    let management = node.management();
    management.create_user(user, password, "/").await.unwrap();
    let (plain, tls) = (node.port(), node.tls_port().unwrap());
    let url = |host: &str, port: u16, ca: &str| {
        let ca = path(ca);
        format!(
            "rabbit://{user}:{password}@{host}:{port}/?ssl=true&ssl_ca_file={}",
            ca.display()
        )
    };
    let wrong_authority = url("localhost", tls, "other-ca.pem");
    fault(
        &wrong_authority,
        &["not signed by a trusted authority", "check ca_file"],
    )
    .await;
    let wrong_name = url("127.0.0.1", tls, "ca.pem");
    fault(
        &wrong_name,
        &[
            "the server's certificate is not for \"127.0.0.1\"",
            "localhost",
        ],
    )
    .await;
    let missing = url("localhost", tls, "missing.pem");
    fault(&missing, &["cannot read", "missing.pem"]).await;
    let tls_to_plain = url("localhost", plain, "ca.pem");
    fault(
        &tls_to_plain,
        &["the port does not speak TLS", "connect without TLS"],
    )
    .await;
    let plain_to_tls = format!("rabbit://{user}:{password}@localhost:{tls}/");
    fault(&plain_to_tls, &["speaks TLS", "connect to it with TLS"]).await;
    let by_certificate = format!(
        "{}&rabbit_login_method=EXTERNAL&ssl_cert_file={}&ssl_key_file={}",
        url("localhost", tls, "ca.pem"),
        path("server.pem").display(),
        path("server.key").display()
    );
    let not_offered = [
        "no login by EXTERNAL",
        "AMQPLAIN",
        "rabbitmq_auth_mechanism_ssl",
    ];
    fault(&by_certificate, &not_offered).await;
}

/// Whether nobody listens yet or the host is silent, waiting may help, so who counts attempts is told after the first
/// and who does not after its deadline.
#[tokio::test]
async fn hosts_that_are_down_or_silent_are_told_after_one_attempt() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = listener.local_addr().unwrap().port();
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    for (port, limit, says) in [
        (nobody, Duration::from_secs(1), "refused"),
        (
            silent,
            Duration::from_secs(7),
            "did not finish connecting within 5s",
        ),
    ] {
        let begun = Instant::now();
        let driver = driver(&format!("rabbit://nova:s3cret@127.0.0.1:{port}/"));
        let mut once = CastOptions::default();
        once.retry = Retry::Times(0);
        let (target, poke) = (topic("compute"), request("poke", "{}"));
        let sent = driver.cast(&target, &poke, once);
        let error = sent.await.unwrap_err();
        assert!(matches!(error, SendError::Unreachable { .. }), "{error:?}");
        let text = format!("{error} {error:?}");
        assert!(
            text.contains(says) && text.contains(&port.to_string()),
            "{text}"
        );
        assert!(!text.contains("s3cret"), "{text}");
        assert!(begun.elapsed() < limit, "{:?}", begun.elapsed());
    }
}
