//! Sockets that never log in.

use bergen_amqp::client::Login;
use bergen_broker::{Broker, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{log_in, port, users, within};

const ROOM: usize = 4;

/// Silent sockets have as much room as they may, and those who come to work get theirs.
#[tokio::test]
async fn who_only_stands_there_makes_room_for_who_logs_in() {
    let mut limits = Limits::default();
    limits.connections_before_login = ROOM;
    let broker = Broker::builder()
        .access(users())
        .limits(limits)
        .start()
        .await
        .unwrap();
    let port = port(&broker);
    let mut silent = Vec::new();
    for number in 0..3 * ROOM {
        let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        if number % 2 == 0 {
            socket.write_all(b"AMQP\x00\x00\x09\x01").await.unwrap();
        }
        silent.push(socket);
    }
    let mut connections = Vec::new();
    for _ in 0..2 * ROOM {
        let nova = Login::plain("nova", "s3cret");
        connections.push(log_in(port, nova).await.unwrap());
    }
    // Those who came last may stay; nobody needed their place.
    silent.truncate(2 * ROOM);
    for mut socket in silent {
        // Whoever said hello has been greeted, and then comes the end, long before the limit of the handshake.
        let mut greeting = Vec::new();
        let ended = within(socket.read_to_end(&mut greeting)).await;
        assert!(ended.is_err() || greeting.len() < 4096);
    }
    for connection in connections {
        assert!(connection.is_open());
    }
}
