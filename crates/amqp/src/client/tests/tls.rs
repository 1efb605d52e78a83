//! TLS over a real socket: who is trusted, who is not, and what is said about it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::broker::{Broker, options};
use crate::client::{ConnectError, ConnectOptions, Connection, TlsError, TlsOptions, Verify};

/// A folder with a test's PEM files.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("bergen-amqp-tls-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A certificate authority of one test.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    /// A certificate for `name`, and its key.
    fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }
}

/// A broker behind TLS whose certificate is for `localhost`; it takes one connection after the other.
async fn serve(authority: &Authority, clients: Option<&Authority>) -> SocketAddr {
    let acceptor = TlsAcceptor::from(server_config(authority, clients));
    let listener = listen().await;
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(tcp).await {
                let mut broker = Broker::new(stream);
                broker.accept().await;
                tokio::spawn(async move { while broker.is_open().await {} });
            }
        }
    });
    address
}

async fn listen() -> TcpListener {
    TcpListener::bind(("127.0.0.1", 0)).await.unwrap()
}

fn server_config(authority: &Authority, clients: Option<&Authority>) -> Arc<rustls::ServerConfig> {
    let (certificate, key) = authority.issue("localhost");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            let pem = pem_to_der(&clients.pem);
            roots.add(pem).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let config = builder.with_single_cert(vec![certificate.der().clone()], key);
    Arc::new(config.unwrap())
}

fn pem_to_der(pem: &str) -> rustls::pki_types::CertificateDer<'static> {
    use rustls::pki_types::pem::PemObject;
    rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

async fn open(host: &str, at: SocketAddr, tls: TlsOptions) -> Result<Connection, ConnectError> {
    let options = ConnectOptions {
        host: host.to_owned(),
        port: at.port(),
        tls: Some(tls),
        ..options()
    };
    Connection::open(options)
        .await
        .map(|(connection, _)| connection)
}

/// The TLS error that connecting ended with.
async fn refused(host: &str, at: SocketAddr, tls: TlsOptions) -> TlsError {
    match open(host, at, tls).await {
        Err(ConnectError::Tls { error, .. }) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_right_authority_and_name_are_accepted() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let at = serve(&authority, None).await;
    let ca_file = Some(folder.write("ca.pem", &authority.pem));

    let connection = open(
        "localhost",
        at,
        TlsOptions {
            ca_file,
            ..TlsOptions::default()
        },
    )
    .await
    .unwrap();

    assert!(connection.is_open());
    connection.close().await.unwrap();
}

#[tokio::test]
async fn another_authority_is_not_trusted() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let at = serve(&authority, None).await;
    let ca_file = Some(folder.write("ca.pem", &Authority::new().pem));

    let error = refused(
        "localhost",
        at,
        TlsOptions {
            ca_file,
            ..TlsOptions::default()
        },
    )
    .await;
    // Two authorities with the same name differ in their signature only.
    let expected = [
        TlsError::UnknownIssuer,
        TlsError::BadServerCertificate(rustls::CertificateError::BadSignature.to_string()),
    ];
    assert!(expected.contains(&error), "{error:?}");
}

#[tokio::test]
async fn a_private_authority_is_not_trusted_by_the_system() {
    let authority = Authority::new();
    let at = serve(&authority, None).await;

    let error = refused("localhost", at, TlsOptions::default()).await;

    // A machine without any roots refuses earlier, for that reason.
    assert!(
        matches!(
            error,
            TlsError::UnknownIssuer | TlsError::BadCertificates(_)
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn the_name_checked_is_the_host_connected_to() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let at = serve(&authority, None).await;
    let ca_file = Some(folder.write("ca.pem", &authority.pem));

    let error = refused(
        "127.0.0.1",
        at,
        TlsOptions {
            ca_file,
            ..TlsOptions::default()
        },
    )
    .await;

    assert!(
        matches!(&error, TlsError::WrongName { name, .. } if name == "127.0.0.1"),
        "{error:?}"
    );
}

#[tokio::test]
async fn nothing_is_checked_if_that_is_said() {
    let authority = Authority::new();
    let at = serve(&authority, None).await;

    let tls = TlsOptions {
        verify: Verify::None,
        ..TlsOptions::default()
    };
    assert!(open("127.0.0.1", at, tls).await.is_ok());
}

#[tokio::test]
async fn client_certificates_are_shown_and_missing_ones_are_the_reason() {
    let (folder, authority, clients) = (Folder::new(), Authority::new(), Authority::new());
    let at = serve(&authority, Some(&clients)).await;
    let ca_file = Some(folder.write("ca.pem", &authority.pem));
    let (certificate, key) = clients.issue("nova");
    let with = TlsOptions {
        ca_file: ca_file.clone(),
        cert_file: Some(folder.write("cert.pem", &certificate.pem())),
        key_file: Some(folder.write("key.pem", &key.serialize_pem())),
        verify: Verify::Full,
    };
    let without = TlsOptions {
        ca_file,
        ..TlsOptions::default()
    };

    assert!(open("localhost", at, with.clone()).await.is_ok());
    let error = refused("localhost", at, without).await;
    assert!(matches!(error, TlsError::Refused(_)), "{error:?}");

    let half = TlsOptions {
        key_file: None,
        ..with
    };
    assert_eq!(
        refused("localhost", at, half).await,
        TlsError::CertificateWithoutKey
    );
}

#[tokio::test]
async fn files_that_are_not_there_or_hold_something_else_are_named() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let at = serve(&authority, None).await;

    let missing = folder.0.join("missing.pem");
    let tls = TlsOptions {
        ca_file: Some(missing.clone()),
        ..TlsOptions::default()
    };
    let error = refused("localhost", at, tls).await;
    assert!(
        matches!(&error, TlsError::File { path, .. } if *path == missing),
        "{error:?}"
    );

    let empty = folder.write("empty.pem", "no certificates here\n");
    let tls = TlsOptions {
        ca_file: Some(empty.clone()),
        ..TlsOptions::default()
    };
    let expected = TlsError::NothingInFile {
        path: empty,
        wanted: "certificate",
    };
    assert_eq!(refused("localhost", at, tls).await, expected);
}

#[tokio::test]
async fn tls_to_a_plain_port_and_the_other_way_round_are_clear() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let tls_port = serve(&authority, None).await;
    let plain = ConnectOptions {
        host: "127.0.0.1".to_owned(),
        port: tls_port.port(),
        ..options()
    };
    let error = Connection::open(plain).await.map(drop).unwrap_err();
    assert!(matches!(error, ConnectError::SpeaksTls { .. }), "{error:?}");

    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let plain_port = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        let mut broker = Broker::new(tcp);
        broker.accept().await;
    });
    let ca_file = Some(folder.write("ca.pem", &authority.pem));
    let tls = TlsOptions {
        ca_file,
        ..TlsOptions::default()
    };
    assert_eq!(
        refused("localhost", plain_port, tls).await,
        TlsError::NotTls
    );
}

#[tokio::test]
async fn a_server_that_resets_the_connection_right_after_the_handshake_has_hung_up() {
    use tokio::io::AsyncReadExt;
    let (folder, authority) = (Folder::new(), Authority::new());
    let ca_file = Some(folder.write("ca.pem", &authority.pem));
    let (config, listener) = (server_config(&authority, None), listen().await);
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        let mut stream = TlsAcceptor::from(config).accept(tcp).await.unwrap();
        let _ = stream.read_u8().await;
        stream.get_ref().0.set_zero_linger().unwrap();
    });
    let tls = TlsOptions {
        ca_file,
        ..TlsOptions::default()
    };
    let error = refused("localhost", at, tls).await;
    assert_eq!(error, TlsError::HungUp);
}
