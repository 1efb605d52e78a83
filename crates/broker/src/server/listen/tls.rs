//! TLS for listeners: from files to what accepts clients.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ProtocolVersion, RootCertStore, ServerConfig, ServerConnection};
use tokio_rustls::TlsAcceptor;

use super::certificate::common_name;
use super::{ListenError, TlsPeer};

/// What TLS needs: files in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsFiles {
    /// Our certificate, and those between it and its authority. RabbitMQ's `ssl_options.certfile`.
    pub certificate: PathBuf,
    /// Its key. RabbitMQ's `ssl_options.keyfile`.
    pub key: PathBuf,
    /// The authorities that clients' certificates must come from: RabbitMQ's `ssl_options.cacertfile` with `verify_peer`.
    /// A client may come without certificate, and log in by password; one whose certificate is of another authority is
    /// turned away. `None`, the default: clients are not asked for certificates.
    pub client_authorities: Option<PathBuf>,
}

impl TlsFiles {
    /// A certificate and its key; clients are not asked for theirs.
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self {
            certificate: certificate.into(),
            key: key.into(),
            client_authorities: None,
        }
    }

    /// Asks clients for certificates of these authorities.
    #[must_use]
    pub fn client_authorities(mut self, file: impl Into<PathBuf>) -> Self {
        self.client_authorities = Some(file.into());
        self
    }
}

/// Reads the files.
pub(super) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, ListenError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&files.certificate, &error))?;
    let builder = match &files.client_authorities {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(file)? {
                roots
                    .add(certificate)
                    .map_err(|error| unusable(file, &error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .allow_unauthenticated()
                .build()
                .map_err(|error| unusable(file, &error))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| unreadable(&files.key, "private key", &error))?;
    let config = builder
        .with_single_cert(certificates(&files.certificate)?, key)
        .map_err(|error| {
            let reason = format!("with the key {}: {error}", files.key.display());
            unusable(&files.certificate, &reason)
        })?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// What is known of a client behind the handshake.
pub(super) fn peer(connection: &ServerConnection) -> TlsPeer {
    let protocol = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "tlsv1.2",
        Some(ProtocolVersion::TLSv1_3) => "tlsv1.3",
        _ => "",
    };
    let cipher = connection.negotiated_cipher_suite();
    let cipher = cipher.and_then(|suite| suite.suite().as_str());
    let certificate = connection.peer_certificates().and_then(<[_]>::first);
    TlsPeer {
        protocol: protocol.to_owned(),
        cipher: cipher.unwrap_or_default().to_owned(),
        certificate_name: certificate.and_then(common_name),
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ListenError> {
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable(path, "certificate", &error))?;
    if certificates.is_empty() {
        return Err(unreadable(path, "certificate", &PemError::NoItemsFound));
    }
    Ok(certificates)
}

fn unreadable(path: &Path, wanted: &str, error: &PemError) -> ListenError {
    match error {
        PemError::NoItemsFound => unusable(path, &format!("there is no {wanted} in it (PEM)")),
        PemError::Io(error) => unusable(path, error),
        other => unusable(path, other),
    }
}

fn unusable(path: &Path, reason: &dyn ToString) -> ListenError {
    ListenError::Certificate {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}
