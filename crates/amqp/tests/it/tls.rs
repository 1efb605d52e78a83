//! TLS against RabbitMQ's own listener.

use bergen_amqp::client::{
    ConnectError, ConnectOptions, Connection, QueueDeclare, TlsError, TlsOptions,
};
use bergen_testbed::{Certificates, RabbitBuilder, RabbitNode};

/// An authority, a server for `localhost`, and a client that is `nova`.
pub(crate) fn certificates() -> Certificates {
    let certificates = Certificates::new().unwrap();
    certificates.issue("server", "localhost").unwrap();
    certificates.issue("client", "nova").unwrap();
    certificates
}

pub(crate) fn behind_tls(certificates: &Certificates, wants_clients: bool) -> RabbitBuilder {
    RabbitNode::builder().tls(
        &certificates.path("ca.pem"),
        &certificates.path("server.pem"),
        &certificates.path("server.key"),
        wants_clients,
    )
}

/// Trusts the authority in a file, and no other.
pub(crate) fn trusting(certificates: &Certificates, ca: &str) -> TlsOptions {
    TlsOptions {
        ca_file: Some(certificates.path(ca)),
        ..TlsOptions::default()
    }
}

/// Shows the certificate of `nova`.
pub(crate) fn as_nova(certificates: &Certificates) -> TlsOptions {
    TlsOptions {
        cert_file: Some(certificates.path("client.pem")),
        key_file: Some(certificates.path("client.key")),
        ..trusting(certificates, "ca.pem")
    }
}

async fn open(host: &str, port: u16, tls: Option<TlsOptions>) -> Result<Connection, ConnectError> {
    let options = ConnectOptions {
        host: host.to_owned(),
        port,
        tls,
        ..ConnectOptions::default()
    };
    Connection::open(options).await.map(|opened| opened.0)
}

async fn refused(host: &str, port: u16, tls: TlsOptions) -> TlsError {
    match open(host, port, Some(tls)).await {
        Err(ConnectError::Tls { error, .. }) => error,
        other => panic!("{other:?}"),
    }
}

async fn works(connection: Result<Connection, ConnectError>) {
    let connection = connection.unwrap();
    let (channel, _events) = connection.open_channel().await.unwrap();
    let declare = QueueDeclare {
        exclusive: true,
        ..QueueDeclare::new("over-tls")
    };
    channel.queue_declare(declare).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn the_server_must_be_who_it_says() {
    let certificates = certificates();
    let node = behind_tls(&certificates, false).start().await.unwrap();
    let port = node.tls_port().unwrap();

    works(open("localhost", port, Some(trusting(&certificates, "ca.pem"))).await).await;
    assert_eq!(
        refused("localhost", port, trusting(&certificates, "other-ca.pem")).await,
        TlsError::UnknownIssuer
    );
    let error = refused("127.0.0.1", port, trusting(&certificates, "ca.pem")).await;
    assert!(
        matches!(&error, TlsError::WrongName { name, .. } if name == "127.0.0.1"),
        "{error:?}"
    );

    let plain = open("localhost", port, None).await.map(drop);
    assert!(
        matches!(plain, Err(ConnectError::SpeaksTls { .. })),
        "{plain:?}"
    );
    let tls_to_plain = trusting(&certificates, "ca.pem");
    let error = refused("localhost", node.port(), tls_to_plain).await;
    assert_eq!(error, TlsError::NotTls);
}

#[tokio::test]
async fn a_broker_that_wants_client_certificates_gets_them() {
    let certificates = certificates();
    let node = behind_tls(&certificates, true).start().await.unwrap();
    let port = node.tls_port().unwrap();
    let without = trusting(&certificates, "ca.pem");
    let with = as_nova(&certificates);

    works(open("localhost", port, Some(with)).await).await;
    // More than once: sometimes the reason arrives, sometimes only the end.
    for _ in 0..20 {
        let error = refused("localhost", port, without.clone()).await;
        assert!(
            matches!(error, TlsError::Refused(_) | TlsError::HungUp),
            "{error:?}"
        );
    }
}
