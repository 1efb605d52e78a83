use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};

use super::{Backdoor, BackdoorPort};
use crate::introspect::tests::observer;

/// Opens one as these options say, serves it, and gives its port.
async fn open(options: &[(&str, &str)]) -> u16 {
    let observer = Arc::new(observer(options));
    let backdoor = Backdoor::open(&observer.settings()).await.unwrap().unwrap();
    let Some(BackdoorPort::Port(port)) = backdoor.port() else {
        panic!("no port: {backdoor:?}");
    };
    tokio::spawn(backdoor.serve(observer));
    port
}

async fn ask(port: u16, input: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    // It may have closed before it has read all.
    let _ = stream.write_all(input).await;
    let mut output = Vec::new();
    let _ = stream.read_to_end(&mut output).await;
    String::from_utf8(output).unwrap()
}

#[tokio::test]
async fn every_command_shows_something_and_no_secret() {
    let port = open(&[("backdoor_port", "0")]).await;
    let commands = "help\ntasks\ntimers\nconnections\nrpc\nconfig\nloglevel\nreport\n\nnonsense\x1b\nquit\nhelp\n";
    let output = ask(port, commands.as_bytes()).await;
    for expected in [
        "help shows the commands\n> help  ",
        "> none\n> none\n> connection rabbit at 127.0.0.1:5672: connected",
        "> server nova compute host-1: 1 of 64 calls in flight",
        "call build\\u{1b}[2J (req-1\\n), for 1.5 s",
        "transport_url = ***",
        "can not show or change its log level",
        "Guru Meditation",
        "> > \"nonsense\\u{1b}\" is no command; help shows them\n> ",
    ] {
        assert!(output.contains(expected), "no {expected:?} in {output}");
    }
    assert_eq!(
        output.matches("these lines").count(),
        1,
        "nothing after quit"
    );
    assert!(!output.contains("geheim") && !output.contains('\x1b'));
}

#[tokio::test]
async fn a_line_without_an_end_ends_the_connection() {
    let port = open(&[("backdoor_port", "0")]).await;
    let output = ask(port, &vec![b'x'; 100_000]).await;
    assert!(output.ends_with("> "), "{output}");
    assert!(ask(port, b"help\nquit\n").await.contains("these lines"));
}

#[tokio::test]
async fn many_connections_leave_room_for_others_when_they_end() {
    let port = open(&[("backdoor_port", "0")]).await;
    let mut held = Vec::new();
    for _ in 0..8 {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.read_u8().await.unwrap();
        held.push(stream);
    }
    assert_eq!(ask(port, b"help\n").await, "", "the ninth is closed");
    drop(held);
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while ask(port, b"help\nquit\n").await.is_empty() {
        assert!(std::time::Instant::now() < patience);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_range_gives_the_first_free_port_and_a_taken_one_fails() {
    // Two ports side by side, of which the first is taken.
    let (taken, port) = loop {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let next = port.checked_add(1);
        if let Some(next) = next
            && TcpListener::bind(("127.0.0.1", next)).await.is_ok()
        {
            break (taken, port);
        }
    };
    let range = format!("{port}:{}", port + 1);
    assert_eq!(open(&[("backdoor_port", &range)]).await, port + 1);
    let settings = observer(&[("backdoor_port", &port.to_string())]).settings();
    let error = Backdoor::open(&settings).await.unwrap_err().to_string();
    assert!(error.contains(&port.to_string()), "{error}");
    drop(taken);
}

#[tokio::test]
async fn the_socket_wins_over_the_port() {
    let path = std::env::temp_dir().join(format!("bergen-backdoor-{}", std::process::id()));
    let options = [
        ("backdoor_port", "0"),
        ("backdoor_socket", path.to_str().unwrap()),
    ];
    let observer = Arc::new(observer(&options));
    let backdoor = Backdoor::open(&observer.settings()).await.unwrap().unwrap();
    assert_eq!(backdoor.port(), Some(BackdoorPort::Socket(path.clone())));
    let serving = tokio::spawn(backdoor.serve(observer));
    let mut stream = UnixStream::connect(&path).await.unwrap();
    stream.write_all(b"quit\n").await.unwrap();
    let mut output = String::new();
    stream.read_to_string(&mut output).await.unwrap();
    assert!(output.starts_with("process "), "{output}");
    serving.abort();
    let _ = serving.await;
    assert!(!path.exists());
}

#[tokio::test]
async fn no_option_no_backdoor() {
    assert!(
        Backdoor::open(&observer(&[]).settings())
            .await
            .unwrap()
            .is_none()
    );
}
