//! Exit code 5: the broker can't be reached, or does not let us in.

use std::time::Duration;

use bergen_testbed::{TestVhost, shared_rabbit};
use tokio::net::TcpListener;

use crate::program::bergen;

/// Every command that sends something, each with a timeout that would be far too long.
const COMMANDS: [&[&str]; 4] = [
    &["call", "demo", "echo", "--timeout", "50"],
    &["cast", "demo", "echo"],
    &["ping", "demo", "--timeout", "50"],
    &["sim", "rpc-client", "-m", "100", "--timeout", "50"],
];

#[tokio::test]
async fn an_unreachable_broker_is_5_at_once() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    for command in COMMANDS {
        let url = format!("rabbit://guest:s3cret@127.0.0.1:{port}/");
        let ended = bergen(&url, command).await.expect(5);
        let ended = ended.says(&[
            "no broker reached",
            &port.to_string(),
            "Check that the broker runs",
        ]);
        assert!(ended.took < Duration::from_secs(5), "{ended:?}");
        assert!(!ended.err.contains("s3cret"), "{ended:?}");
    }
}

#[tokio::test]
async fn a_broker_that_says_nothing_is_5_long_before_the_timeout() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("rabbit://guest:guest@{}/", silent.local_addr().unwrap());
    let ended = bergen(&url, COMMANDS[0])
        .await
        .expect(5)
        .says(&["did not finish connecting"]);
    assert!(ended.took < Duration::from_secs(15), "{ended:?}");
}

#[tokio::test]
async fn a_wrong_password_is_5_at_once() {
    let rabbit = shared_rabbit().await.unwrap();
    let url = format!("rabbit://guest:s3cret@{}:{}/", rabbit.host(), rabbit.port());
    let serve: &[&str] = &["serve", "--topic", "demo"];
    for command in COMMANDS.into_iter().chain([serve]) {
        let ended = bergen(&url, command).await.expect(5);
        let ended = ended.says(&[
            "refused the login of user \"guest\"",
            "Check user, password",
        ]);
        assert!(ended.took < Duration::from_secs(5), "{ended:?}");
        assert!(!ended.err.contains("s3cret"), "{ended:?}");
    }
}

#[tokio::test]
async fn an_unknown_virtual_host_is_5_at_once() {
    let vhost = TestVhost::new("cli-vhost").await.unwrap();
    let url = format!("{}-not", vhost.url());
    for command in COMMANDS {
        let ended = bergen(&url, command).await.expect(5);
        ended.says(&[&format!("{}-not", vhost.name()), "virtual host"]);
    }
}

#[tokio::test]
async fn a_server_without_broker_says_what_it_waits_for_and_is_5_in_the_end() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("rabbit://guest:s3cret@{}/", closed.local_addr().unwrap());
    drop(closed);
    let serve: &[&str] = &["serve", "--topic", "demo", "--connect-timeout", "2.5"];
    let sim: &[&str] = &["sim", "rpc-server", "--connect-timeout", "2.5"];
    for command in [serve, sim] {
        let ended = bergen(&url, command).await.expect(5);
        let ended = ended.says(&[
            "bergen: waiting for the broker at rabbit://guest:***@127.0.0.1:",
            "giving up after 2.5 s (--connect-timeout)",
            "no broker reached",
            "Check that the broker runs",
        ]);
        let expected = Duration::from_secs(2)..Duration::from_secs(6);
        assert!(expected.contains(&ended.took), "{ended:?}");
    }
}
