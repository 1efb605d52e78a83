//! TLS, Unix sockets, and where a broker refuses to listen.

use std::path::PathBuf;

use bergen_amqp::client::{ConnectError, ConnectOptions, Connection, Login, TlsOptions};
use bergen_broker::{
    Access, Broker, Listen, ListenError, PasswordHash, StartError, TlsFiles, User,
};
use bergen_testbed::Certificates;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::{options, port, users, within};

fn tls(certificates: &Certificates) -> TlsFiles {
    TlsFiles::new(
        certificates.path("server.pem"),
        certificates.path("server.key"),
    )
    .client_authorities(certificates.path("ca.pem"))
}

fn loopback(files: TlsFiles) -> Listen {
    Listen::Tls("127.0.0.1:0".parse().unwrap(), files)
}

#[tokio::test]
async fn tls_with_passwords_and_with_certificates() {
    let certificates = Certificates::new().unwrap();
    for (file, subject) in [
        ("server", "localhost"),
        ("compute", "compute-1"),
        ("stranger", "stranger"),
    ] {
        certificates.issue(file, subject).unwrap();
    }
    let access = Access::new([
        User::new("nova", PasswordHash::new("s3cret")).full_access(),
        User::without_password("compute-1").full_access(),
    ])
    .unwrap();
    let broker = Broker::builder()
        .listen(loopback(tls(&certificates)))
        .access(access)
        .start()
        .await
        .unwrap();
    let connect = async |login: Login, certificate: Option<&str>| {
        let file =
            |ending: &str| certificate.map(|name| certificates.path(&format!("{name}.{ending}")));
        let tls = TlsOptions {
            ca_file: Some(certificates.path("ca.pem")),
            cert_file: file("pem"),
            key_file: file("key"),
            ..TlsOptions::default()
        };
        let options = ConnectOptions {
            tls: Some(tls),
            ..options(port(&broker), login)
        };
        within(Box::pin(Connection::open(options))).await
    };
    let nova = || Login::plain("nova", "s3cret");
    let (with_password, _events) = connect(nova(), None).await.unwrap();
    let (with_both, _events) = connect(nova(), Some("stranger")).await.unwrap();
    let (certified, _events) = connect(Login::External, Some("compute")).await.unwrap();
    for connection in [&with_password, &with_both, &certified] {
        let (channel, _events) = within(connection.open_channel()).await.unwrap();
        within(channel.get("none", true)).await.unwrap_err();
    }
    let seen = broker.control().ask(|state| {
        let connections = state.connections().into_iter();
        let names = connections.map(|connection| {
            let tls = connection.peer.tls.unwrap();
            assert!(tls.protocol.starts_with("tlsv1.") && tls.cipher.starts_with("TLS"));
            let user = connection.user.unwrap().name().to_owned();
            (user, connection.mechanism, tls.certificate_name)
        });
        names.collect::<Vec<_>>()
    });
    let name = |text: &str| Some(text.to_owned());
    let expected = [
        ("compute-1".to_owned(), "EXTERNAL", name("compute-1")),
        ("nova".to_owned(), "PLAIN", None),
        ("nova".to_owned(), "PLAIN", name("stranger")),
    ];
    let mut seen = seen.await.unwrap();
    seen.sort();
    assert_eq!(seen, expected);

    // A certificate of a user who is not there, and none at all.
    let error = connect(Login::External, Some("stranger"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, ConnectError::AccessRefused { .. }),
        "{error}"
    );
    let error = connect(Login::External, None).await.unwrap_err();
    assert!(
        matches!(error, ConnectError::MechanismNotOffered { .. }),
        "{error}"
    );
    let error = connect(Login::plain("nova", "wrong"), None)
        .await
        .unwrap_err();
    assert!(
        matches!(error, ConnectError::AccessRefused { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_turned_away() {
    let certificates = Certificates::new().unwrap();
    let foreign = Certificates::new().unwrap();
    certificates.issue("server", "localhost").unwrap();
    foreign.issue("compute", "compute-1").unwrap();
    let access = Access::new([User::without_password("compute-1").full_access()]).unwrap();
    let broker = Broker::builder()
        .listen(loopback(tls(&certificates)))
        .access(access)
        .start()
        .await
        .unwrap();
    let tls = TlsOptions {
        ca_file: Some(certificates.path("ca.pem")),
        cert_file: Some(foreign.path("compute.pem")),
        key_file: Some(foreign.path("compute.key")),
        ..TlsOptions::default()
    };
    let options = ConnectOptions {
        tls: Some(tls),
        ..options(port(&broker), Login::External)
    };
    let error = within(Box::pin(Connection::open(options)))
        .await
        .unwrap_err();
    assert!(matches!(error, ConnectError::Tls { .. }), "{error}");
}

#[tokio::test]
async fn plain_clients_on_a_tls_port_disturb_nobody() {
    let certificates = Certificates::new().unwrap();
    certificates.issue("server", "localhost").unwrap();
    let broker = Broker::builder()
        .listen(loopback(tls(&certificates)))
        .access(users())
        .start()
        .await
        .unwrap();
    let plain = options(port(&broker), Login::plain("nova", "s3cret"));
    let error = within(Box::pin(Connection::open(plain.clone())))
        .await
        .unwrap_err();
    assert!(matches!(error, ConnectError::SpeaksTls { .. }), "{error}");
    let tls = TlsOptions {
        ca_file: Some(certificates.path("ca.pem")),
        ..TlsOptions::default()
    };
    let options = ConnectOptions {
        tls: Some(tls),
        ..plain
    };
    within(Box::pin(Connection::open(options))).await.unwrap();
}

/// A path of its own, short enough for a socket.
fn socket() -> PathBuf {
    std::env::temp_dir().join(format!("bergen-{:016x}", fastrand::u64(..)))
}

#[tokio::test]
async fn a_unix_socket_speaks_amqp() {
    let path = socket();
    let broker = Broker::builder()
        .listen(Listen::Unix(path.clone()))
        .start()
        .await
        .unwrap();
    let mut stream = UnixStream::connect(&path).await.unwrap();
    stream.write_all(b"AMQP\x00\x00\x09\x01").await.unwrap();
    let mut frame = [0; 11];
    within(stream.read_exact(&mut frame)).await.unwrap();
    // A method frame on channel 0 with connection.start.
    assert_eq!(frame[..3], [1, 0, 0]);
    assert_eq!(frame[7..], [0, 10, 0, 10]);
    broker.stop().await;
    assert!(!path.exists());
}

#[tokio::test]
async fn a_broker_for_everybody_needs_users_and_tls() {
    let everywhere = || Listen::Tcp("0.0.0.0:0".parse().unwrap());
    let start = async |builder: bergen_broker::Builder| match builder.start().await {
        Ok(_) => panic!("it started"),
        Err(StartError::Listen(error)) => error,
        Err(error) => panic!("{error}"),
    };
    let error = start(Broker::builder().listen(everywhere())).await;
    assert!(matches!(error, ListenError::NoUsers { .. }), "{error}");
    let error = start(Broker::builder().listen(everywhere()).access(users())).await;
    assert!(matches!(error, ListenError::NoTls { .. }), "{error}");
}
