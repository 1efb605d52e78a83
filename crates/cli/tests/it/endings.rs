//! Exit codes 1, 3 and 4, signals, and readers that go away.

use std::fs::File;
use std::process::Stdio;
use std::time::Duration;

use bergen_testbed::TestVhost;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::program::{Service, bergen, program, signal};

#[tokio::test]
async fn a_remote_failure_is_1_with_its_traceback_on_demand() {
    let vhost = TestVhost::new("cli-remote").await.unwrap();
    let url = vhost.url();
    let _service = Service::serve(&vhost, "demo", "one").await;
    let call = [
        "call",
        "demo",
        "fail",
        "module=nova.exception",
        "class=InstanceNotFound",
        "message=no 8a2f\u{1b}[2J",
        r#"kwargs:={"id": "8a2f"}"#,
    ];
    let ended = bergen(&url, &call).await.expect(1);
    let ended = ended.says(&[
        "bergen: nova.exception.InstanceNotFound: no 8a2f\\u{1b}[2J\n",
        "-v shows",
    ]);
    assert_eq!(ended.out, "");
    assert!(!ended.err.contains("kwargs"), "{ended:?}");
    let verbose = bergen(&url, &[&call[..], &["-v"]].concat()).await.expect(1);
    let verbose = verbose.says(&[
        r#"kwargs: {"id": "8a2f"}"#,
        "\n  nova.exception.InstanceNotFound: no 8a2f",
    ]);
    assert!(!verbose.err.contains('\u{1b}'), "{verbose:?}");
}

#[tokio::test]
async fn wrong_arguments_are_1_and_say_how_arguments_are_written() {
    let vhost = TestVhost::new("cli-wrong-arguments").await.unwrap();
    let _service = Service::serve(&vhost, "demo", "one").await;
    let ended = bergen(&vhost.url(), &["call", "demo", "add", "a:=1", "c:=2"]).await;
    ended.expect(1).says(&["builtins.TypeError", "key:=json"]);
}

#[tokio::test]
async fn no_answer_in_time_is_3() {
    let vhost = TestVhost::new("cli-timeout").await.unwrap();
    let url = vhost.url();
    let service = Service::serve(&vhost, "demo", "one").await;
    let call = ["call", "demo", "sleep", "seconds:=5", "--timeout", "1.5"];
    let ended = bergen(&url, &call).await.expect(3);
    let ended = ended.says(&["Timed out waiting for a reply", "--timeout"]);
    assert!(ended.took < Duration::from_millis(4500), "{ended:?}");
    service.stop().await;
    let call = ["call", "demo", "sleep", "seconds:=3", "--timeout", "3"];
    bergen(&url, &call)
        .await
        .expect(3)
        .says(&["no consumer", "Start the server"]);
}

#[tokio::test]
async fn no_server_is_4_and_names_exchange_and_key() {
    let vhost = TestVhost::new("cli-no-server").await.unwrap();
    let url = vhost.url();
    let call = ["call", "nowhere", "add", "--server", "one"];
    let ended = bergen(&url, &call).await.expect(4);
    let ended = ended.says(&[
        r#"exchange "openstack""#,
        r#"key "nowhere.one""#,
        "--exchange nova or --exchange neutron",
    ]);
    assert!(ended.took < Duration::from_secs(10), "{ended:?}");
    let cast = [
        "cast",
        "nowhere",
        "add",
        "--exchange",
        "nova",
        "--require-server",
    ];
    bergen(&url, &cast).await.expect(4).says(&[
        r#"exchange "nova""#,
        r#"key "nowhere""#,
        "--exchange neutron",
    ]);
    bergen(&url, &["cast", "nowhere", "add"]).await.expect(0);
}

#[tokio::test]
async fn an_interrupted_call_is_130_and_a_terminated_one_143() {
    let vhost = TestVhost::new("cli-interrupted").await.unwrap();
    let mut service = Service::serve(&vhost, "demo", "one").await;
    for (name, code, said) in [("INT", 130, "interrupted"), ("TERM", 143, "terminated")] {
        let mut call = tokio::process::Command::from(program(
            &vhost.url(),
            &["call", "demo", "sleep", "seconds:=1"],
        ));
        let call = call
            .kill_on_drop(true)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        service.line_with("method=sleep").await;
        signal(call.id().unwrap(), name);
        let ended = call.wait_with_output().await.unwrap();
        assert_eq!(ended.status.code(), Some(code), "{ended:?}");
        let err = String::from_utf8(ended.stderr).unwrap();
        assert!(err.contains(said), "{err}");
    }
}

#[tokio::test]
async fn a_reader_that_goes_away_is_no_failure() {
    let vhost = TestVhost::new("cli-reader").await.unwrap();
    let _service = Service::serve(&vhost, "demo", "one").await;
    let mut ping = tokio::process::Command::from(program(
        &vhost.url(),
        &["ping", "demo", "-c", "1000", "-i", "0.01"],
    ));
    let ping = ping
        .kill_on_drop(true)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut ping = ping.spawn().unwrap();
    let mut lines = BufReader::new(ping.stdout.take().unwrap()).lines();
    assert!(lines.next_line().await.unwrap().unwrap().contains("pong"));
    drop(lines);
    let ended = tokio::time::timeout(Duration::from_secs(20), ping.wait_with_output()).await;
    let ended = ended.expect("the ping ends when nobody reads it").unwrap();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert_eq!(String::from_utf8(ended.stderr).unwrap(), "");
}

#[tokio::test]
async fn output_that_cannot_be_written_is_a_failure() {
    let vhost = TestVhost::new("cli-full").await.unwrap();
    let _service = Service::serve(&vhost, "demo", "one").await;
    let mut call = program(&vhost.url(), &["call", "demo", "whoami"]);
    call.stdout(File::options().write(true).open("/dev/full").unwrap());
    let mut call = tokio::process::Command::from(call);
    let call = call
        .kill_on_drop(true)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let ended = call.wait_with_output().await.unwrap();
    assert_eq!(ended.status.code(), Some(70), "{ended:?}");
}
