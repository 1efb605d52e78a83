//! What it does not start with, and the way out.

use super::{Folder, broker, command};
use crate::program::{Ended, bergen, finish, program};

async fn refused(arguments: &[&str]) -> Ended {
    let arguments = [&["broker"], arguments].concat();
    bergen("", &arguments).await
}

#[tokio::test]
async fn the_world_is_not_let_in_by_accident() {
    let everywhere = ["--listen", "0.0.0.0:0"];
    refused(&everywhere).await.expect(2).says(&[
        "0.0.0.0:0",
        "no user",
        "--user",
        "--users-file",
        "loopback",
        "--insecure",
    ]);
    let mut command = program("", &["broker", "--listen", "[::]:0", "--user", "nova"]);
    command.env("BERGEN_PASSWORD", "s3cret");
    finish(command)
        .await
        .expect(2)
        .says(&["without TLS", "--tls-cert", "--tls-key", "--insecure"]);
    // On purpose it may.
    let insecure = program("", &["broker", "--listen", "0.0.0.0:0", "--insecure"]);
    let (broker, _) = super::started(insecure).await;
    let output = broker.stop().await;
    assert!(output.contains("insecure: "), "{output}");
}

#[tokio::test]
async fn a_management_api_for_everybody_needs_a_word_too() {
    let mut command = command(&["--http", "0.0.0.0:0", "--user", "nova"]);
    command.env("BERGEN_PASSWORD", "s3cret");
    finish(command)
        .await
        .expect(2)
        .says(&["0.0.0.0:0", "--insecure"]);
}

#[tokio::test]
async fn a_port_that_is_taken_is_70_and_names_it() {
    let (broker, url) = broker(&[]).await;
    let (_, address) = url.trim_end_matches('/').split_once('@').unwrap();
    refused(&["--listen", address]).await.expect(70).says(&[
        address,
        "in use",
        "choose another port",
    ]);
    broker.stop().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_2() {
    refused(&["--listen", "nowhere.invalid:1"])
        .await
        .expect(2)
        .says(&["--listen nowhere.invalid"]);
    refused(&["--listen", "127.0.0.1:x"])
        .await
        .expect(2)
        .says(&["--listen"]);
    refused(&["--memory", "much"])
        .await
        .expect(2)
        .says(&["512M"]);
    refused(&["--tls-cert", "cert.pem"])
        .await
        .expect(2)
        .says(&["--tls-key"]);
    refused(&["--tls-client-ca", "ca.pem"])
        .await
        .expect(2)
        .says(&["--tls-cert"]);
    refused(&["--http-host", "broker"])
        .await
        .expect(2)
        .says(&["--http"]);
    let missing = [
        "--tls-cert",
        "/nowhere/cert.pem",
        "--tls-key",
        "/nowhere/key.pem",
    ];
    refused(&missing).await.expect(2).says(&["/nowhere/"]);
    let folder = Folder::new("unix-tls");
    let pem = folder.write("x.pem", "");
    let unix = folder.path("amqp");
    refused(&["--unix", &unix, "--tls-cert", &pem, "--tls-key", &pem])
        .await
        .expect(2)
        .says(&["--listen"]);
}
