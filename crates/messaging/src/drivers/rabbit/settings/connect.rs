//! How each host of a URL is reached, and who logs in there.

use std::path::PathBuf;

use bergen_amqp::client::{ConnectOptions, Login, TlsOptions, Verify};

use super::program_name;
use crate::options::RabbitOptions;
use crate::url::{TransportHost, TransportUrl};
use crate::wire::Id;

/// One entry for each host, with the login that belongs to it.
///
/// # Errors
/// What is wrong with the options, for people.
pub(super) fn hosts(
    url: &TransportUrl,
    options: &RabbitOptions,
) -> Result<Vec<ConnectOptions>, String> {
    let tls = tls(options)?;
    let mechanism = mechanism(options)?;
    let name = format!("{}:{}:{}", program_name(), std::process::id(), Id::new());
    let host = |host: &TransportHost| ConnectOptions {
        host: host.hostname.as_deref().unwrap_or(DEFAULT_HOST).to_owned(),
        port: host.port.unwrap_or(DEFAULT_PORT),
        virtual_host: url.virtual_host().to_owned(),
        login: mechanism(host),
        tls: tls.clone(),
        heartbeat: options.heartbeat_timeout_threshold,
        connection_name: Some(name.clone()),
        io_thread: options.tuning.io_thread,
        ..ConnectOptions::default()
    };
    Ok(match url.hosts() {
        [] => vec![host(&TransportHost::default())],
        hosts => hosts.iter().map(host).collect(),
    })
}

const DEFAULT_HOST: &str = "localhost";
const DEFAULT_PORT: u16 = 5672;

/// How a host's credentials are presented (`rabbit_login_method`).
fn mechanism(options: &RabbitOptions) -> Result<fn(&TransportHost) -> Login, String> {
    match options.login_method.as_str() {
        "AMQPLAIN" => Ok(|host| {
            let (username, password) = host.login();
            Login::amqplain(username, password)
        }),
        "PLAIN" => Ok(|host| {
            let (username, password) = host.login();
            Login::plain(username, password)
        }),
        "EXTERNAL" if options.ssl && options.ssl_cert_file.is_some() => Ok(|_| Login::External),
        "EXTERNAL" => Err(
            "rabbit_login_method EXTERNAL is a login by certificate; set ssl, ssl_cert_file and ssl_key_file".to_owned(),
        ),
        // A demonstration that the peer has the name of and not the code.
        other => Err(format!(
            "rabbit_login_method {other} is not supported; write AMQPLAIN, PLAIN or EXTERNAL"
        )),
    }
}

/// TLS, if `ssl` is set. The name that is checked is no part of it: it is that of the host connected to.
fn tls(options: &RabbitOptions) -> Result<Option<TlsOptions>, String> {
    check_version(options.ssl_version.as_deref().unwrap_or_default())?;
    let file = |path: &Option<String>| path.as_deref().map(PathBuf::from);
    let (ca_file, cert_file) = (file(&options.ssl_ca_file), file(&options.ssl_cert_file));
    if !options.ssl {
        if ca_file.is_some() || cert_file.is_some() {
            tracing::warn!(
                "certificates are configured, but ssl is not set: connections are not encrypted"
            );
        }
        return Ok(None);
    }
    // As for the peer, a file may hold certificate and key.
    let key_file = file(&options.ssl_key_file).or_else(|| cert_file.clone());
    if cert_file.is_none() && key_file.is_some() {
        return Err("ssl_key_file is set and ssl_cert_file is not; they go together".to_owned());
    }
    Ok(Some(TlsOptions {
        ca_file,
        cert_file,
        key_file,
        verify: if options.ssl_verify {
            Verify::Full
        } else {
            Verify::None
        },
    }))
}

/// The peer's names for versions. None of them changes anything but what a person is told.
fn check_version(version: &str) -> Result<(), String> {
    match version.to_ascii_lowercase().as_str() {
        "" | "sslv23" | "tlsv1_2" => Ok(()),
        "tlsv1" | "tlsv1_1" => {
            tracing::warn!(
                "ssl_version {version} is not spoken any more: TLS 1.2 and newer are offered"
            );
            Ok(())
        }
        _ => Err(format!(
            "ssl_version {version:?} is not known; leave it out, TLS 1.2 and newer are offered"
        )),
    }
}
