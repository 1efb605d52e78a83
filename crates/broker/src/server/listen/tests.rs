use bergen_testbed::Certificates;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

#[tokio::test]
async fn a_free_port_is_found_and_told() {
    let listen = Listen::Tcp("127.0.0.1:0".parse().unwrap());
    let listener = Listener::bind(&listen).await.unwrap();
    let Address::Tcp(address) = *listener.address() else {
        panic!("{:?}", listener.address())
    };
    assert_ne!(address.port(), 0);
    let client = TcpStream::connect(address).await.unwrap();
    let incoming = listener.accept().await;
    assert_eq!(incoming.peer().peer, Some(client.local_addr().unwrap()));
    let name = format!("{} -> {address}", client.local_addr().unwrap());
    assert_eq!(incoming.peer().to_string(), name);
    assert!(incoming.peer().loopback);
    let again = Listener::bind(&Listen::Tcp(address)).await.unwrap_err();
    let text = again.to_string();
    assert!(
        text.contains(&address.to_string()) && text.contains("another port"),
        "{text}"
    );
}

#[tokio::test]
async fn a_unix_socket_is_its_owners() {
    let folder = std::env::temp_dir().join(format!("bergen-{:x}", fastrand::u64(..)));
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("amqp");
    let listen = Listen::Unix(path.clone());
    let listener = Listener::bind(&listen).await.unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut client = UnixStream::connect(&path).await.unwrap();
    let (mut stream, peer) = listener.accept().await.open().await.unwrap();
    assert!(peer.loopback && peer.peer.is_none());
    stream.write_all(b"x").await.unwrap();
    assert_eq!(client.read_u8().await.unwrap(), b'x');

    let taken = Listener::bind(&listen).await.unwrap_err();
    assert!(matches!(taken, ListenError::SocketInUse { .. }), "{taken}");
    drop(listener);
    assert!(!path.exists());
    // What a broker that was killed left behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    drop(Listener::bind(&listen).await.unwrap());
    // A file is not ours to remove.
    std::fs::write(&path, "data").unwrap();
    assert!(Listener::bind(&listen).await.is_err());
    assert_eq!(std::fs::read(&path).unwrap(), b"data");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn certificates_that_do_not_fit_are_named() {
    let certificates = Certificates::new().unwrap();
    certificates.issue("server", "localhost").unwrap();
    certificates.issue("other", "localhost").unwrap();
    let path = |file: &str| certificates.path(file);
    let bind = async |files: TlsFiles| {
        let listen = Listen::Tls("127.0.0.1:0".parse().unwrap(), files);
        let error = Listener::bind(&listen).await.unwrap_err();
        error.to_string()
    };
    let missing = bind(TlsFiles::new(path("none.pem"), path("server.key"))).await;
    assert!(missing.contains("none.pem: No such file"), "{missing}");
    let swapped = bind(TlsFiles::new(path("server.key"), path("server.pem"))).await;
    assert!(
        swapped.contains("server.pem: there is no private key"),
        "{swapped}"
    );
    let others = bind(TlsFiles::new(path("server.pem"), path("other.key"))).await;
    assert!(
        others.contains("server.pem") && others.contains("other.key"),
        "{others}"
    );
    let files = TlsFiles::new(path("server.pem"), path("server.key"));
    let authorities = bind(files.client_authorities(path("server.key"))).await;
    assert!(
        authorities.contains("server.key: there is no certificate"),
        "{authorities}"
    );
}
