//! TLS against RabbitMQ's own listener.

use std::path::{Path, PathBuf};

use bergen_amqp::client::{
    ConnectError, ConnectOptions, Connection, QueueDeclare, TlsError, TlsOptions,
};
use bergen_testbed::RabbitNode;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// A folder with an authority, what it signed, and another authority that signed nothing.
struct Certificates(PathBuf);

impl Certificates {
    fn new(test: &str) -> Self {
        let name = format!("bergen-amqp-{test}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let certificates = Self(folder);
        let authority = certificates.authority("ca.pem");
        certificates.authority("other-ca.pem");
        certificates.issue(&authority, "localhost", "server");
        certificates.issue(&authority, "nova", "client");
        certificates
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn authority(&self, file: &str) -> Issuer<'static, KeyPair> {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, file);
        let pem = params.self_signed(&key).unwrap().pem();
        std::fs::write(self.path(file), pem).unwrap();
        Issuer::new(params, key)
    }

    fn issue(&self, authority: &Issuer<'static, KeyPair>, name: &str, file: &str) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, authority).unwrap();
        std::fs::write(self.path(&format!("{file}.pem")), certificate.pem()).unwrap();
        std::fs::write(self.path(&format!("{file}.key")), key.serialize_pem()).unwrap();
    }

    async fn node(&self, wants_clients: bool) -> RabbitNode {
        RabbitNode::builder()
            .tls(
                &self.path("ca.pem"),
                &self.path("server.pem"),
                &self.path("server.key"),
                wants_clients,
            )
            .start()
            .await
            .unwrap()
    }

    fn trusting(&self, ca: &str) -> TlsOptions {
        TlsOptions {
            ca_file: Some(self.path(ca)),
            ..TlsOptions::default()
        }
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(Path::new(&self.0));
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
    let certificates = Certificates::new("tls-server");
    let node = certificates.node(false).await;
    let port = node.tls_port().unwrap();

    works(open("localhost", port, Some(certificates.trusting("ca.pem"))).await).await;
    assert_eq!(
        refused("localhost", port, certificates.trusting("other-ca.pem")).await,
        TlsError::UnknownIssuer
    );
    let error = refused("127.0.0.1", port, certificates.trusting("ca.pem")).await;
    assert!(
        matches!(&error, TlsError::WrongName { name, .. } if name == "127.0.0.1"),
        "{error:?}"
    );

    let plain = open("localhost", port, None).await.map(drop);
    assert!(
        matches!(plain, Err(ConnectError::SpeaksTls { .. })),
        "{plain:?}"
    );
    let tls_to_plain = certificates.trusting("ca.pem");
    let error = refused("localhost", node.port(), tls_to_plain).await;
    assert_eq!(error, TlsError::NotTls);
}

#[tokio::test]
async fn a_broker_that_wants_client_certificates_gets_them() {
    let certificates = Certificates::new("tls-clients");
    let node = certificates.node(true).await;
    let port = node.tls_port().unwrap();
    let without = certificates.trusting("ca.pem");
    let with = TlsOptions {
        cert_file: Some(certificates.path("client.pem")),
        key_file: Some(certificates.path("client.key")),
        ..without.clone()
    };

    works(open("localhost", port, Some(with)).await).await;
    // More than once: sometimes the reason arrives, sometimes only the end.
    for _ in 0..20 {
        let error = refused("localhost", port, without.clone()).await;
        assert!(matches!(error, TlsError::Refused(_)), "{error:?}");
    }
}
