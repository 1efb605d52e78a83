//! `--help` and the two meanings of `--version`.

use bergen_testbed::TestVhost;

use crate::program::{Service, bergen};

#[tokio::test]
async fn every_command_explains_itself() {
    let nowhere = "rabbit://guest:s3cret@127.0.0.1:1/";
    for command in [
        "",
        "serve",
        "call",
        "cast",
        "ping",
        "notify",
        "listen",
        "status",
        "drain",
        "reload",
        "loglevel",
        "report",
        "sim rpc-server",
        "sim rpc-client",
        "sim notify-server",
        "sim batch-notify-server",
        "sim notify-client",
    ] {
        let arguments: Vec<_> = command.split_whitespace().chain(["--help"]).collect();
        let ended = bergen(nowhere, &arguments).await.expect(0);
        for part in [
            "Usage: bergen",
            "--url",
            "--exchange",
            "--config-file",
            "--verbose",
            "Examples:",
        ] {
            assert!(
                ended.out.contains(part),
                "{command}: no {part} in {}",
                ended.out
            );
        }
        assert!(!ended.out.contains("s3cret"), "{}", ended.out);
        assert!(
            !ended.out.contains('`'),
            "marks that are not for terminals: {}",
            ended.out
        );
        let longest = ended.out.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(100), "{command}: {longest:?}");
    }
}

#[tokio::test]
async fn the_main_help_lists_the_exit_codes() {
    let ended = bergen("", &["--help"]).await.expect(0);
    for part in [
        "0 done",
        "1 the remote",
        "2 wrong",
        "3 no answer",
        "4 no such",
        "5 broker",
    ] {
        assert!(ended.out.replace('\n', " ").contains(part), "{}", ended.out);
    }
}

#[tokio::test]
async fn nothing_typed_is_wrong_usage() {
    bergen("", &[]).await.expect(2).says(&["Usage: bergen"]);
}

#[tokio::test]
async fn version_is_the_programs_or_the_interfaces() {
    let ended = bergen("", &["--version"]).await.expect(0);
    assert_eq!(
        ended.out,
        concat!("bergen ", env!("CARGO_PKG_VERSION"), "\n")
    );
    let vhost = TestVhost::new("cli-version").await.unwrap();
    let _service = Service::start(
        &vhost.url(),
        &["serve", "--topic", "demo", "--version", "1.4"],
    )
    .await;
    for (version, code) in [("1.4", 0), ("1.5", 1)] {
        bergen(
            &vhost.url(),
            &["call", "demo", "whoami", "--version", version],
        )
        .await
        .expect(code);
    }
}
