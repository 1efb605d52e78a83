//! Why a connection could not be opened.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::CloseReason;

/// Why a connection could not be opened. The variants tell apart what different people have to mend.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The host's name is unknown or nothing listens there.
    #[error("cannot reach {address}: {message}")]
    Unreachable {
        /// Host and port as given.
        address: String,
        /// What kind of failure.
        kind: io::ErrorKind,
        /// The operating system's words.
        message: String,
    },
    /// The whole of connecting took longer than
    /// [`connect_timeout`](super::ConnectOptions::connect_timeout).
    #[error("{address} did not finish connecting within {after:?}")]
    TimedOut {
        /// Host and port as given.
        address: String,
        /// The time allowed.
        after: Duration,
    },
    /// The broker does not accept this user with this password (403 `ACCESS_REFUSED`).
    #[error("{address} refused the login of {}: {text}", who(username.as_deref()))]
    AccessRefused {
        /// Host and port as given.
        address: String,
        /// Who tried to log in; `None` for whom the client certificate names.
        username: Option<String>,
        /// The broker's words.
        text: String,
    },
    /// The broker ended the stream while it had the credentials and had not answered. Brokers before RabbitMQ 3.0 refuse
    /// credentials so; from all others it is a connection that broke.
    #[error("{address} hung up during the login of {}; brokers that can't say no do that", who(username.as_deref()))]
    HungUpDuringLogin {
        /// Host and port as given.
        address: String,
        /// Who tried to log in; `None` for whom the client certificate names.
        username: Option<String>,
    },
    /// The virtual host does not exist (530 `NOT_ALLOWED`).
    #[error("virtual host {virtual_host:?} does not exist on {address}: {text}")]
    VirtualHostNotFound {
        /// Host and port as given.
        address: String,
        /// The virtual host asked for.
        virtual_host: String,
        /// The broker's words.
        text: String,
    },
    /// The user may not use the virtual host, or it is full or down (530 `NOT_ALLOWED`).
    #[error("{} may not use virtual host {virtual_host:?} on {address}: {text}", who(username.as_deref()))]
    VirtualHostRefused {
        /// Host and port as given.
        address: String,
        /// The virtual host asked for.
        virtual_host: String,
        /// Who asked; `None` for whom the client certificate names.
        username: Option<String>,
        /// The broker's words.
        text: String,
    },
    /// The broker does not offer the login that was wanted.
    #[error(
        "{address} offers no login by {wanted}, only by {offered}; choose one of these, or switch {wanted} on at the \
         broker{}",
        needs(wanted)
    )]
    MechanismNotOffered {
        /// Host and port as given.
        address: String,
        /// The mechanism that was wanted.
        wanted: &'static str,
        /// What the broker offers, separated by blanks.
        offered: String,
    },
    /// TLS could not be set up.
    #[error("TLS with {address}: {error}")]
    Tls {
        /// Host and port as given.
        address: String,
        /// What went wrong.
        error: TlsError,
    },
    /// The port answered a plain AMQP greeting with TLS.
    #[error("{address} speaks TLS; connect to it with TLS, or to the broker's plain port")]
    SpeaksTls {
        /// Host and port as given.
        address: String,
    },
    /// The connection ended before it was open.
    #[error("{address} ended the connection before it was open: {reason}")]
    Closed {
        /// Host and port as given.
        address: String,
        /// What ended it.
        reason: CloseReason,
    },
}

/// What is wrong with TLS.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file could not be read.
    #[error("cannot read {}: {message}", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// The operating system's words.
        message: String,
    },
    /// A file was read, but what it should hold is not there.
    #[error("{} holds no {wanted} in PEM", .path.display())]
    NothingInFile {
        /// Which file.
        path: PathBuf,
        /// What should be there.
        wanted: &'static str,
    },
    /// A client certificate without its key, or the other way round.
    #[error("cert_file and key_file go together: give both or neither")]
    CertificateWithoutKey,
    /// The client's certificate and key, or a certificate to trust, are not usable.
    #[error("these certificates cannot be used: {0}")]
    BadCertificates(String),
    /// The host is neither a DNS name nor an address, so no certificate can match it.
    #[error("{0:?} is neither a DNS name nor an IP address")]
    BadServerName(String),
    /// The server's certificate does not lead to a trusted one.
    #[error("the server's certificate is not signed by a trusted authority; check ca_file")]
    UnknownIssuer,
    /// The server's certificate is for other names.
    #[error("the server's certificate is not for {name:?}: {message}")]
    WrongName {
        /// The host connected to.
        name: String,
        /// The names the certificate is for.
        message: String,
    },
    /// The server's certificate was refused for another reason (expired, revoked, malformed…).
    #[error("the server's certificate is not valid: {0}")]
    BadServerCertificate(String),
    /// The server answered with something that is not TLS.
    #[error("the port does not speak TLS; connect without TLS, or to the broker's TLS port")]
    NotTls,
    /// The server refused: often because it wants a client certificate and got none it trusts.
    #[error(
        "the server refused the handshake: {0}; does it want a client certificate that it can trust?"
    )]
    Refused(String),
    /// The server ended the connection right after the handshake. Servers that want another client
    /// certificate do, and so do those that are shutting down.
    #[error(
        "the server hung up without a word, as servers do that want another client certificate"
    )]
    HungUp,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

fn who(username: Option<&str>) -> String {
    match username {
        Some(username) => format!("user {username:?}"),
        None => "the client certificate's user".to_owned(),
    }
}

/// What a mechanism asks of a broker.
fn needs(mechanism: &str) -> &'static str {
    match mechanism {
        "EXTERNAL" => " (RabbitMQ: plugin rabbitmq_auth_mechanism_ssl, and auth_mechanisms)",
        _ => "",
    }
}
