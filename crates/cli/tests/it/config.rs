//! `--config-file`: what is read of a real nova.conf.

use std::path::PathBuf;
use std::process::Command;

use bergen_testbed::TestVhost;

use crate::program::{Service, bergen, finish, program};

/// A file that goes when it is dropped.
struct Config(PathBuf);

impl Config {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("bergen-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Config {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn without_url(arguments: &[&str]) -> Command {
    let mut command = program("", arguments);
    command.env_remove("TRANSPORT_URL");
    command
}

/// What nova's installation guide makes one write, and some of what it need not know.
fn nova_conf(url: &str) -> String {
    format!(
        "[DEFAULT]\n# where the broker is\ntransport_url = {url}\ncontrol_exchange = nova\n\
         enabled_apis = osapi_compute,metadata\nmy_ip = 10.0.0.11\n\n\
         [api_database]\nconnection = mysql+pymysql://nova:pw@controller/nova_api\n\n\
         [oslo_messaging_rabbit]\namqp_durable_queues = true\nheartbeat_in_pthread = false\n\
         rabbit_retry_interval: 1\n"
    )
}

#[tokio::test]
async fn a_nova_conf_gives_broker_exchange_and_rabbit_options() {
    let vhost = TestVhost::new("cli-config").await.unwrap();
    let config = Config::new("nova.conf", &nova_conf(&vhost.url()));
    let serve = [
        "serve",
        "--topic",
        "demo",
        "--server",
        "one",
        "--config-file",
        config.path(),
    ];
    let service = Service::spawn(without_url(&serve)).await;
    assert!(service.ready.contains("exchange nova"), "{}", service.ready);
    assert!(service.ready.contains(vhost.name()), "{}", service.ready);
    assert!(!service.ready.contains("guest:guest"), "{}", service.ready);
    let queue = vhost
        .management()
        .queue(vhost.name(), "demo")
        .await
        .unwrap();
    assert_eq!(queue["durable"], true, "{queue}");
    let call = [
        "call",
        "demo",
        "add",
        "a:=1",
        "b:=1",
        "--config-file",
        config.path(),
    ];
    assert_eq!(finish(without_url(&call)).await.expect(0).out, "2\n");
    let typed = ["--exchange", "neutron"];
    let ended = finish(without_url(&[&call[..], &typed].concat()))
        .await
        .expect(4);
    ended.says(&[r#"exchange "neutron""#]);
    service.stop().await;
}

#[tokio::test]
async fn the_environment_wins_over_the_file_and_a_later_file_over_an_earlier_one() {
    let vhost = TestVhost::new("cli-precedence").await.unwrap();
    let dead = Config::new(
        "dead.conf",
        "[DEFAULT]\ntransport_url = rabbit://guest:s3cret@127.0.0.1:1/\n",
    );
    let alive = Config::new(
        "alive.conf",
        &format!("[DEFAULT]\ntransport_url = {}\n", vhost.url()),
    );
    let _service = Service::serve(&vhost, "demo", "one").await;
    let call = ["call", "demo", "whoami", "--config-file", dead.path()];
    finish(without_url(&call))
        .await
        .expect(5)
        .says(&["127.0.0.1:1"]);
    bergen(&vhost.url(), &call).await.expect(0);
    let both = [&call[..], &["--config-file", alive.path()]].concat();
    finish(without_url(&both)).await.expect(0);
}

#[tokio::test]
async fn the_answer_is_waited_for_as_long_as_the_file_says() {
    let vhost = TestVhost::new("cli-response-timeout").await.unwrap();
    let config = Config::new("timeout.conf", "[DEFAULT]\nrpc_response_timeout = 1\n");
    let _service = Service::serve(&vhost, "demo", "one").await;
    let call = [
        "call",
        "demo",
        "sleep",
        "seconds:=2",
        "--config-file",
        config.path(),
    ];
    bergen(&vhost.url(), &call).await.expect(3);
    bergen(&vhost.url(), &[&call[..], &["--timeout", "20"]].concat())
        .await
        .expect(0);
}

#[tokio::test]
async fn what_cannot_be_read_is_told_by_file_and_line() {
    let wrong = |text: &'static str, parts: &'static [&'static str]| async move {
        let config = Config::new(&format!("wrong-{}.conf", text.len()), text);
        let call = ["call", "demo", "whoami", "--config-file", config.path()];
        let ended = finish(without_url(&call)).await.expect(2).says(parts);
        assert!(!ended.err.contains("s3cret"), "{ended:?}");
    };
    wrong(
        "[DEFAULT]\ntransport_url = rabbit://guest:s3cret@mq:x/\n",
        &[".conf:2", "at character 26"],
    )
    .await;
    wrong(
        "[oslo_messaging_rabbit]\n\nheartbeat_rate = often\n",
        &[".conf:3", "heartbeat_rate", "number"],
    )
    .await;
    wrong(
        "transport_url = rabbit://guest:s3cret@mq/\n",
        &[".conf:1", "[DEFAULT]"],
    )
    .await;
    let missing = ["call", "demo", "whoami", "--config-file", "/no/such.conf"];
    finish(without_url(&missing))
        .await
        .expect(2)
        .says(&["--config-file", "/no/such.conf"]);
}
