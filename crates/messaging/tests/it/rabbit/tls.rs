//! TLS and logins by certificate, as URL and options ask for them.

use std::time::Duration;

use bergen_testbed::{Certificates, RabbitBuilder, RabbitNode};
use tokio::time::Instant;

use super::harness::*;

/// A node whose certificate is for `name`.
fn node_of(certificates: &Certificates, name: &str, wants_clients: bool) -> RabbitBuilder {
    let file = format!("server-of-{name}");
    certificates.issue(&file, name).unwrap();
    RabbitNode::builder().tls(
        &certificates.path("ca.pem"),
        &certificates.path(&format!("{file}.pem")),
        &certificates.path(&format!("{file}.key")),
        wants_clients,
    )
}

/// The query that trusts the authority.
fn trusting(certificates: &Certificates) -> String {
    let ca = certificates.path("ca.pem");
    format!("ssl=true&ssl_ca_file={}", ca.display())
}

/// Each host is checked against its own name; the peer goes on asking for that of the first, so that there every
/// certificate has to be for all names.
#[tokio::test]
async fn after_a_loss_the_next_host_is_checked_against_its_own_name() {
    let certificates = Certificates::new().unwrap();
    let (one, other) = (
        node_of(&certificates, "localhost", false),
        node_of(&certificates, "127.0.0.1", false),
    );
    let (one, other) = tokio::join!(one.start(), other.start());
    let mut nodes = [one.unwrap(), other.unwrap()];
    let url = format!(
        "rabbit://guest:guest@localhost:{},guest:guest@127.0.0.1:{}/?{}&rabbit_retry_backoff=0",
        nodes[0].tls_port().unwrap(),
        nodes[1].tls_port().unwrap(),
        trusting(&certificates)
    );
    let client = driver(&url);
    cast(&client, &topic("compute"), &request("poke", "{}")).await;
    let used = host_of_the_connection(&nodes).await;
    nodes[used].kill().await.unwrap();
    let poke = request("poke", "{}");
    let target = topic("compute");
    let again = cast(&client, &target, &poke);
    let again = tokio::time::timeout(Duration::from_secs(20), again).await;
    again.expect("the other host was not used");
    assert_eq!(client.stats().reconnects, 1);
}

/// Hosts are tried in random order.
async fn host_of_the_connection(nodes: &[RabbitNode]) -> usize {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        for (index, node) in nodes.iter().enumerate() {
            let connections = node.management().connections("/").await.unwrap();
            if !connections.is_empty() {
                return index;
            }
        }
        assert!(Instant::now() < deadline, "no node shows the connection");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn a_login_by_certificate_needs_no_password() {
    let certificates = Certificates::new().unwrap();
    certificates.issue("client", "nova").unwrap();
    let node = node_of(&certificates, "localhost", true)
        .plugin("rabbitmq_auth_mechanism_ssl")
        .config("auth_mechanisms.1 = EXTERNAL")
        .config("ssl_cert_login_from = common_name")
        .start()
        .await
        .unwrap();
    let management = node.management();
    management.create_user("nova", "", "/").await.unwrap();
    let url = format!(
        "rabbit://localhost:{}/?{}&ssl_cert_file={}&ssl_key_file={}&rabbit_login_method=EXTERNAL",
        node.tls_port().unwrap(),
        trusting(&certificates),
        certificates.path("client.pem").display(),
        certificates.path("client.key").display(),
    );
    let server = Server::start(&url, "compute", "one").await;
    let client = driver(&url);
    let answer = result(&client, &topic("compute"), &request("whoami", "{}")).await;
    assert_eq!(answer, "\"one\"");
    let all_there = |connections: &serde_json::Value| {
        let connections = connections.as_array().unwrap();
        connections.len() == 4 && connections.iter().all(|one| one["user"] == "nova")
    };
    let connections = management
        .wait_for("connections", Duration::from_secs(20), all_there)
        .await
        .unwrap();
    for connection in connections.as_array().unwrap() {
        assert_eq!(connection["auth_mechanism"], "EXTERNAL", "{connection}");
        assert_eq!(connection["ssl"], true, "{connection}");
    }
    server.stop().await;
}

#[tokio::test]
async fn verification_can_be_switched_off_and_one_file_may_hold_certificate_and_key() {
    let certificates = Certificates::new().unwrap();
    certificates.issue("client", "nova").unwrap();
    let both = certificates.path("both.pem");
    let parts = ["client.pem", "client.key"].map(|part| {
        let path = certificates.path(part);
        std::fs::read_to_string(path).unwrap()
    });
    std::fs::write(&both, parts.concat()).unwrap();
    let node = node_of(&certificates, "elsewhere.example", true);
    let node = node.start().await.unwrap();
    let url = format!(
        "rabbit://guest:guest@127.0.0.1:{}/?ssl=true&ssl_cert_file={}&bergen_ssl_verify=none",
        node.tls_port().unwrap(),
        both.display()
    );
    cast(&driver(&url), &topic("compute"), &request("poke", "{}")).await;
}
