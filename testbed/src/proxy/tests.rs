use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Direction, FaultProxy};

/// Connects through a new proxy to a server that sends back what it gets.
async fn echo() -> (FaultProxy, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = socket.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
                let _ = to.shutdown().await;
                let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
            });
        }
    });
    let proxy = FaultProxy::start(target).await.unwrap();
    let client = TcpStream::connect(proxy.address()).await.unwrap();
    (proxy, client)
}

async fn say(client: &mut TcpStream, text: &str) -> String {
    client.write_all(text.as_bytes()).await.unwrap();
    let mut answer = vec![0; text.len()];
    client.read_exact(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

/// True if nothing comes for a while.
async fn silent(client: &mut TcpStream) -> bool {
    tokio::time::timeout(Duration::from_millis(80), client.read_u8())
        .await
        .is_err()
}

#[tokio::test]
async fn forwards_and_counts() {
    let (proxy, mut client) = echo().await;
    assert_eq!(say(&mut client, "hello").await, "hello");
    assert_eq!(proxy.forwarded(Direction::ToServer), 5);
    assert_eq!(proxy.forwarded(Direction::ToClient), 5);
    assert_eq!((proxy.connections(), proxy.accepted()), (1, 1));
}

#[tokio::test]
async fn passes_a_big_stream_unchanged() {
    let (_proxy, client) = echo().await;
    let sent: Vec<u8> = (0..3_000_000_u32)
        .map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1])
        .collect();
    let (mut from, mut to) = client.into_split();
    let copy = sent.clone();
    tokio::spawn(async move { to.write_all(&copy).await.unwrap() });
    let mut got = vec![0; sent.len()];
    from.read_exact(&mut got).await.unwrap();
    assert!(got == sent);
}

#[tokio::test]
async fn delays_without_slowing_down() {
    let (proxy, mut client) = echo().await;
    proxy.delay(Direction::ToServer, Duration::from_millis(60));
    let start = Instant::now();
    for _ in 0..10 {
        client.write_all(b"x").await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let mut answer = [0; 10];
    client.read_exact(&mut answer).await.unwrap();
    let taken = start.elapsed();
    assert!(taken >= Duration::from_millis(60), "{taken:?}");
    assert!(taken < Duration::from_millis(400), "{taken:?}");
}

#[tokio::test]
async fn throttles() {
    let (proxy, mut client) = echo().await;
    proxy.throttle(Direction::ToClient, Some(10_000));
    let start = Instant::now();
    say(&mut client, &"x".repeat(2_000)).await;
    let taken = start.elapsed();
    assert!(taken >= Duration::from_millis(150), "{taken:?}");
}

#[tokio::test]
async fn cuts_at_once() {
    let (proxy, mut client) = echo().await;
    say(&mut client, "hello").await;
    proxy.cut();
    let error = client.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let mut next = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(say(&mut next, "again").await, "again");
}

#[tokio::test]
async fn cuts_after_a_number_of_bytes() {
    let (proxy, mut client) = echo().await;
    proxy.cut_after(Direction::ToServer, 7);
    assert_eq!(say(&mut client, "hello").await, "hello");
    client.write_all(b"world").await.unwrap();
    let mut rest = Vec::new();
    assert!(client.read_to_end(&mut rest).await.is_err());
    assert_eq!(proxy.forwarded(Direction::ToServer), 7);
}

#[tokio::test]
async fn holds_and_lets_go() {
    let (proxy, mut client) = echo().await;
    proxy.hold(Direction::ToClient, true);
    client.write_all(b"hello").await.unwrap();
    assert!(silent(&mut client).await);
    proxy.hold(Direction::ToClient, false);
    assert_eq!(client.read_u8().await.unwrap(), b'h');
}

#[tokio::test]
async fn swallows() {
    let (proxy, mut client) = echo().await;
    proxy.black_hole(Direction::ToServer, true);
    client.write_all(b"lost").await.unwrap();
    assert!(silent(&mut client).await);
    proxy.heal();
    assert_eq!(say(&mut client, "found").await, "found");
}

#[tokio::test]
async fn closes_one_half() {
    let (proxy, mut client) = echo().await;
    say(&mut client, "hello").await;
    proxy.half_close(Direction::ToClient);
    assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
    // The other half still takes bytes.
    let before = proxy.forwarded(Direction::ToServer);
    client.write_all(b"still here").await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    while proxy.forwarded(Direction::ToServer) < before + 10 {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn changes_bytes() {
    let (proxy, mut client) = echo().await;
    proxy.mutate(Direction::ToClient, |bytes| bytes.make_ascii_uppercase());
    assert_eq!(say(&mut client, "hello").await, "HELLO");
}

#[tokio::test]
async fn refuses_newcomers() {
    let (proxy, mut client) = echo().await;
    say(&mut client, "hello").await;
    proxy.refuse(true);
    let mut late = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(late.read_u8().await.is_err());
    assert_eq!(say(&mut client, "still").await, "still");
}
