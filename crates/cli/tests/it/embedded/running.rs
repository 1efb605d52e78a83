//! Start, service, stop.

use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::process::Command;
use std::time::{Duration, Instant};

use bergen_testbed::Certificates;
use serde_json::Value;
use tokio::net::TcpStream;

use super::{Folder, broker, command, started};
use crate::program::{Service, bergen, program};

#[tokio::test]
async fn it_serves_calls_and_ends_in_order() {
    let (broker, url) = broker(&[]).await;
    assert!(url.starts_with("rabbit://guest:guest@127.0.0.1:"), "{url}");
    let one = Service::start(&url, &["serve", "--topic", "demo", "--server", "one"]).await;
    let sum = bergen(&url, &["call", "demo", "add", "a:=1", "b:=2"]).await;
    assert_eq!(sum.expect(0).out, "3\n");
    bergen(&url, &["ping", "demo", "--server", "one"])
        .await
        .expect(0);
    one.stop().await;
    let output = broker.stop().await;
    for part in [
        "AMQP 0-9-1 broker",
        "listening on 127.0.0.1:",
        "virtual hosts: /",
        "users: guest with the password guest, from this machine only",
        "in memory only: nothing survives a restart",
        "stopping",
    ] {
        assert!(output.contains(part), "{part:?} in {output}");
    }
    assert!(
        !output.contains("WARN") && !output.contains("ERROR"),
        "{output}"
    );
}

#[tokio::test]
async fn programs_read_where_it_listens() {
    let folder = Folder::new("json");
    let (unix, data) = (folder.path("amqp"), folder.path("data"));
    let command = command(&[
        "--json",
        "--unix",
        &unix,
        "--data",
        &data,
        "--vhost",
        "/nova",
        "--http",
        "127.0.0.1:0",
    ]);
    let broker = Service::spawn_until(command, "\"ready\":true").await;
    let ready: Value = serde_json::from_str(&broker.ready).unwrap();
    let text = |pointer: &str| {
        ready
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap()
            .to_owned()
    };
    assert_eq!(text("/addresses/0/kind"), "tcp");
    let address: SocketAddr = text("/addresses/0/address").parse().unwrap();
    assert_eq!(text("/url"), format!("rabbit://guest:guest@{address}/"));
    assert_eq!(text("/addresses/1/address"), unix);
    assert_eq!(text("/virtual_hosts/1"), "/nova");
    assert_eq!(text("/data"), data);
    assert!(text("/http").starts_with("http://127.0.0.1:"));
    assert_eq!(ready["pid"], broker.process.id());
    let socket = std::fs::metadata(&unix).unwrap();
    assert!(socket.file_type().is_socket());
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
    assert_eq!(
        std::fs::metadata(&data).unwrap().permissions().mode() & 0o777,
        0o700
    );
    let nova = format!("rabbit://guest:guest@{address}//nova");
    let one = Service::start(&nova, &["serve", "--topic", "demo", "--server", "one"]).await;
    bergen(&nova, &["ping", "demo"]).await.expect(0);
    // Another virtual host is another bus.
    bergen(&text("/url"), &["ping", "demo"]).await.expect(4);
    one.stop().await;
    broker.stop().await;
    assert!(!std::path::Path::new(&unix).exists());
}

#[tokio::test]
async fn clients_that_say_nothing_do_not_keep_it_from_ending() {
    let (broker, url) = broker(&[]).await;
    let (_, address) = url.trim_end_matches('/').split_once('@').unwrap();
    let _silent = TcpStream::connect(address).await.unwrap();
    let serve = Service::start(&url, &["serve", "--topic", "demo", "--server", "one"]).await;
    let asked = Instant::now();
    broker.signal("INT");
    let (status, output) = broker.end().await;
    assert_eq!(status.code(), Some(0), "{output}");
    assert!(asked.elapsed() < Duration::from_secs(8), "{output}");
    serve.signal("KILL");
}

/// The socket of a client that comes when there are no more files waits, and nobody else notices.
#[tokio::test]
async fn out_of_files_it_serves_on_and_recovers() {
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            "ulimit -n 40 && exec \"$0\" broker --listen 127.0.0.1:0",
            env!("CARGO_BIN_EXE_bergen"),
        ])
        .env_remove("RUST_LOG");
    let (mut broker, url) = started(command).await;
    let one = Service::start(&url, &["serve", "--topic", "demo", "--server", "one"]).await;
    let (_, address) = url.trim_end_matches('/').split_once('@').unwrap();
    let mut idle = Vec::new();
    for _ in 0..60 {
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    broker.line_with("cannot accept connections for now").await;
    drop(idle);
    let sum = bergen(&url, &["call", "demo", "add", "a:=1", "b:=2"]).await;
    assert_eq!(sum.expect(0).out, "3\n");
    one.stop().await;
    broker.stop().await;
}

#[tokio::test]
async fn tls_from_files() {
    let certificates = Certificates::new().unwrap();
    certificates.issue("server", "localhost").unwrap();
    let path = |file: &str| certificates.path(file).display().to_string();
    let (cert, key, ca) = (path("server.pem"), path("server.key"), path("ca.pem"));
    let arguments = [
        "broker",
        "--listen",
        "localhost:0",
        "--tls-cert",
        &cert,
        "--tls-key",
        &key,
    ];
    let (broker, url) = started(program("", &arguments)).await;
    let (plain, query) = url.split_once('?').unwrap();
    assert_eq!(query, "ssl=true");
    let port = plain.trim_end_matches('/').rsplit_once(':').unwrap().1;
    let url = format!("rabbit://guest:guest@localhost:{port}/?ssl=true&ssl_ca_file={ca}");
    bergen(&url, &["call", "demo", "echo"]).await.expect(4);
    let output = broker.stop().await;
    assert!(output.contains("with TLS"), "{output}");
}
