//! One URL, read by both libraries: where they agree, and where the peer is wrong.

use bergen_interop::{PythonClient, RustServer, transport};
use bergen_testbed::TestVhost;
use serde_json::{Value, json};

use crate::support::eventually;

const TOPIC: &str = "compute";

async fn serve(url: &str) -> RustServer {
    let transport = transport(url).unwrap();
    RustServer::start(&transport, TOPIC, "host-1")
        .await
        .unwrap()
}

/// Removes a virtual host that a test has made besides its own.
struct More<'a> {
    vhost: &'a TestVhost,
    name: String,
}

impl<'a> More<'a> {
    async fn new(vhost: &'a TestVhost, suffix: &str) -> Self {
        let name = format!("{}{suffix}", vhost.name());
        vhost.management().create_vhost(&name).await.unwrap();
        Self { vhost, name }
    }

    async fn delete(self) {
        let management = self.vhost.management();
        management.delete_vhost(&self.name).await.unwrap();
    }

    /// Whether a queue's name begins so.
    async fn has_queue(&self, prefix: &str) -> bool {
        let queues = self.vhost.management().queues(&self.name).await.unwrap();
        let named = |queue: &Value| queue["name"].as_str().unwrap().starts_with(prefix);
        queues.iter().any(named)
    }
}

async fn add(client: &PythonClient, timeout: u32) -> Value {
    let args = json!({"a": 1, "b": 2});
    let more = json!({"timeout": timeout});
    client.call("add", args, json!({}), more).await.unwrap()
}

#[tokio::test]
async fn a_login_that_names_no_mechanism_is_by_the_same_one() {
    let vhost = TestVhost::new("url-login").await.unwrap();
    let server = serve(&vhost.url()).await;
    let client = PythonClient::start(&vhost.url(), TOPIC, json!({}))
        .await
        .unwrap();
    assert_eq!(add(&client, 15).await["result"], json!(3));
    // Two of ours, two of theirs.
    eventually("four connections by AMQPLAIN", || async {
        let connections = vhost.management().connections(vhost.name()).await.unwrap();
        let by_amqplain = connections
            .iter()
            .filter(|connection| connection["auth_mechanism"] == "AMQPLAIN");
        connections.len() == 4 && by_amqplain.count() == 4
    })
    .await;
    server.stop().await.unwrap();
}

/// The peer reads `%2F` in a password, writes it out again as a slash, and can't read that.
#[tokio::test]
async fn a_slash_in_a_password_works_here_and_not_at_the_peer() {
    let vhost = TestVhost::new("url-slash").await.unwrap();
    let management = vhost.management();
    let user = format!("{}-user", vhost.name());
    let other = format!("{}-other", vhost.name());
    for (user, password) in [(&user, "s3/cr:et@%"), (&other, "s3cr:et@%?#")] {
        let created = management.create_user(user, password, vhost.name());
        created.await.unwrap();
    }
    let rabbit = vhost.rabbit();
    let url = |user: &str, password: &str| {
        format!(
            "rabbit://{user}:{password}@127.0.0.1:{}/{}",
            rabbit.port(),
            vhost.name()
        )
    };
    let escaped = url(&user, "s3%2Fcr%3Aet%40%25");
    let server = serve(&escaped).await;
    let theirs = match PythonClient::start(&escaped, TOPIC, json!({})).await {
        Ok(client) => add(&client, 5).await.to_string(),
        Err(error) => error.to_string(),
    };
    assert!(theirs.contains("ValueError"), "{theirs}");
    // Everything else that has to be escaped means the same to both.
    let common = url(&other, "s3cr%3Aet%40%25%3F%23");
    let client = PythonClient::start(&common, TOPIC, json!({}))
        .await
        .unwrap();
    let answer = add(&client, 15).await;
    assert_eq!(answer["result"], json!(3), "{answer}");
    server.stop().await.unwrap();
}

/// The peer decodes the virtual host twice. A name with a percent sign is the same to both unless what follows it looks
/// like an escape again.
#[tokio::test]
async fn a_virtual_host_is_decoded_once_here_and_twice_at_the_peer() {
    let vhost = TestVhost::new("url-percent").await.unwrap();
    let url = |name: &str| format!("{}{name}", vhost.url());
    let (ours, theirs) = (
        More::new(&vhost, "-%41").await,
        More::new(&vhost, "-A").await,
    );
    let server = serve(&url("-%2541")).await;
    assert!(ours.has_queue(TOPIC).await);
    let client = PythonClient::start(&url("-%2541"), TOPIC, json!({}))
        .await
        .unwrap();
    let answer = add(&client, 1).await;
    assert_eq!(answer["error"]["type"], "MessagingTimeout", "{answer}");
    assert!(theirs.has_queue("reply_").await);
    assert!(!ours.has_queue("reply_").await);
    server.stop().await.unwrap();

    let both = More::new(&vhost, "-5%off").await;
    let server = serve(&url("-5%25off")).await;
    let client = PythonClient::start(&url("-5%25off"), TOPIC, json!({}))
        .await
        .unwrap();
    assert_eq!(add(&client, 15).await["result"], json!(3));
    server.stop().await.unwrap();
    drop(client);
    for more in [ours, theirs, both] {
        more.delete().await;
    }
}
