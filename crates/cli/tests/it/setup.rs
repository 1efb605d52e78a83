//! Exit code 5 for TLS that is set up wrongly: at once, with the way out, and without the password.

use std::time::Duration;

use bergen_testbed::{Certificates, RabbitNode};

use crate::program::bergen;

#[tokio::test]
async fn certificates_and_ports_that_do_not_fit_are_5_at_once() {
    let certificates = Certificates::new().unwrap();
    certificates.issue("server", "localhost").unwrap();
    let path = |file: &str| certificates.path(file);
    let node = RabbitNode::builder()
        .tls(
            &path("ca.pem"),
            &path("server.pem"),
            &path("server.key"),
            false,
        )
        .start()
        .await
        .unwrap();
    let management = node.management();
    management.create_user("nova", "s3cret", "/").await.unwrap();
    let (plain, tls) = (node.port(), node.tls_port().unwrap());
    let trusting = |ca: &str| format!("?ssl=true&ssl_ca_file={}", path(ca).display());
    for (at, query, says) in [
        (
            format!("localhost:{tls}"),
            trusting("other-ca.pem"),
            "not signed by a trusted authority",
        ),
        (
            format!("127.0.0.1:{tls}"),
            trusting("ca.pem"),
            "certificate is not for \"127.0.0.1\"",
        ),
        (
            format!("localhost:{plain}"),
            trusting("ca.pem"),
            "the port does not speak TLS",
        ),
        (format!("localhost:{tls}"), String::new(), "speaks TLS"),
    ] {
        let url = format!("rabbit://nova:s3cret@{at}/{query}");
        for command in [
            &["call", "demo", "echo", "--timeout", "50"][..],
            &["serve", "--topic", "demo"],
        ] {
            let ended = bergen(&url, command).await.expect(5).says(&[says]);
            assert!(ended.took < Duration::from_secs(5), "{ended:?}");
            assert!(!ended.err.contains("s3cret"), "{ended:?}");
        }
    }
    // And with all of it right there is an answer: that nobody serves.
    let url = format!(
        "rabbit://nova:s3cret@localhost:{tls}/{}",
        trusting("ca.pem")
    );
    bergen(&url, &["call", "demo", "echo"]).await.expect(4);
}

#[tokio::test]
async fn options_that_can_not_work_are_2_and_name_those_that_can() {
    for (query, says) in [
        ("kombu_compression=bz2", "bzip2"),
        (
            "rabbit_login_method=RABBIT-CR-DEMO",
            "AMQPLAIN, PLAIN or EXTERNAL",
        ),
        ("rabbit_login_method=EXTERNAL", "ssl_cert_file"),
        ("ssl=true&ssl_version=sslv3", "TLS 1.2"),
    ] {
        let url = format!("rabbit://nova:s3cret@localhost/?{query}");
        let ended = bergen(&url, &["cast", "demo", "echo"]).await.expect(2);
        let ended = ended.says(&[says]);
        assert!(!ended.err.contains("s3cret"), "{ended:?}");
    }
}
