//! TLS: from [`TlsOptions`] to a stream, and from rustls' errors to ours.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, InvalidMessage, RootCertStore,
    SignatureScheme,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{TlsError, TlsOptions, Verify};

/// Puts TLS over `stream`; `host` is whose certificate it must be.
pub(super) async fn handshake<S>(
    options: &TlsOptions,
    host: &str,
    stream: S,
) -> Result<TlsStream<S>, TlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let name = server_name(host)?;
    if options.verify == Verify::None {
        tracing::warn!(
            host,
            "the broker's certificate is not checked (verify=none): \
             anybody on the way can read and change what is sent"
        );
    }
    // Files and the system's store of roots are read here: not on a thread of the runtime.
    let options = options.clone();
    let config = tokio::task::spawn_blocking(move || client_config(&options))
        .await
        .map_err(|error| TlsError::Other(error.to_string()))??;
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .map_err(|error| cause(&error, host).unwrap_or_else(|| TlsError::Other(error.to_string())))
}

/// The TLS error inside an I/O error. The server's verdict on a client certificate comes with the
/// first read after the handshake, so this is asked then too.
pub(super) fn cause(error: &io::Error, host: &str) -> Option<TlsError> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            TlsError::UnknownIssuer
        }
        rustls::Error::InvalidCertificate(
            reason @ (CertificateError::NotValidForName
            | CertificateError::NotValidForNameContext { .. }),
        ) => TlsError::WrongName {
            name: host.to_owned(),
            message: reason.to_string(),
        },
        rustls::Error::InvalidCertificate(reason) => {
            TlsError::BadServerCertificate(reason.to_string())
        }
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => TlsError::NotTls,
        rustls::Error::AlertReceived(alert) => TlsError::Refused(format!("{alert:?}")),
        other => TlsError::Other(other.to_string()),
    })
}

fn server_name(host: &str) -> Result<ServerName<'static>, TlsError> {
    // Literal IPv6 addresses come from URLs in brackets.
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    ServerName::try_from(bare.to_owned()).map_err(|_| TlsError::BadServerName(host.to_owned()))
}

fn client_config(options: &TlsOptions) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = verifier(options, &provider)?;
    // Both versions that rustls knows, 1.2 and 1.3, are good.
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Other(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    match (&options.cert_file, &options.key_file) {
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(cert_file), Some(key_file)) => builder
            .with_client_auth_cert(certificates(cert_file)?, private_key(key_file)?)
            .map_err(|error| TlsError::BadCertificates(error.to_string())),
        _ => Err(TlsError::CertificateWithoutKey),
    }
}

fn verifier(
    options: &TlsOptions,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
    if options.verify == Verify::None {
        return Ok(Arc::new(Unverified(Arc::clone(provider))));
    }
    let Some(ca_file) = &options.ca_file else {
        return rustls_platform_verifier::Verifier::new(Arc::clone(provider))
            .map(|verifier| Arc::new(verifier) as _)
            .map_err(|error| TlsError::BadCertificates(error.to_string()));
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca_file)? {
        roots
            .add(certificate)
            .map_err(|error| TlsError::BadCertificates(error.to_string()))?;
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map(|verifier| verifier as _)
        .map_err(|error| TlsError::BadCertificates(error.to_string()))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| pem_error(path, "certificate", &error))?;
    if certificates.is_empty() {
        return Err(TlsError::NothingInFile {
            path: path.to_owned(),
            wanted: "certificate",
        });
    }
    Ok(certificates)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| pem_error(path, "private key", &error))
}

fn pem_error(path: &Path, wanted: &'static str, error: &PemError) -> TlsError {
    match error {
        PemError::NoItemsFound => TlsError::NothingInFile {
            path: path.to_owned(),
            wanted,
        },
        PemError::Io(error) => TlsError::File {
            path: path.to_owned(),
            message: error.to_string(),
        },
        other => TlsError::File {
            path: path.to_owned(),
            message: other.to_string(),
        },
    }
}

/// [`Verify::None`]: any certificate is good; only the signatures must be right, so that the peer
/// holds the key of whatever it shows.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
