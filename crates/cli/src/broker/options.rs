//! What `bergen broker` can be told.

use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

/// The options of a broker.
#[derive(Debug, Args)]
pub(crate) struct BrokerOptions {
    #[arg(
        long,
        value_name = "ADDRESS",
        help = "Address to listen on, with or without port, 0 for any free one; may be repeated [default: \
                127.0.0.1:5672, with TLS 127.0.0.1:5671; none if there is --unix]"
    )]
    pub(super) listen: Vec<String>,
    /// Unix socket to listen on, which only this user may open
    #[arg(long, value_name = "PATH")]
    pub(super) unix: Option<PathBuf>,
    /// Certificate in PEM: every address of --listen then speaks TLS
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(super) tls_cert: Option<PathBuf>,
    /// Key of the certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(super) tls_key: Option<PathBuf>,
    /// Authorities of client certificates, in PEM: EXTERNAL logs in the user of the common name
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(super) tls_client_ca: Option<PathBuf>,
    #[arg(
        long,
        value_name = "NAME[=FILE]",
        help = "A user who may do everything; the password is the first line of FILE, else \
                BERGEN_PASSWORD_NAME or BERGEN_PASSWORD of the environment; may be repeated"
    )]
    pub(super) user: Vec<String>,
    /// File of users, password hashes and permissions
    #[arg(long, value_name = "FILE")]
    pub(super) users_file: Option<PathBuf>,
    /// Virtual host besides /; may be repeated
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(super) vhost: Vec<String>,
    /// Directory that keeps durable queues and persistent messages; without it nothing survives
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// Bytes of messages from which on publishers have to wait, such as 512M [default: 1G]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(super) memory: Option<u64>,
    #[arg(
        long,
        value_name = "ADDRESS",
        num_args = 0..=1,
        default_missing_value = "127.0.0.1:15672",
        help = "Offer RabbitMQ's management API over HTTP [address if none is given: 127.0.0.1:15672]"
    )]
    pub(super) http: Option<String>,
    /// Name by which the management API may be called, besides localhost and addresses; may be repeated
    #[arg(long, value_name = "NAME", requires = "http")]
    pub(super) http_host: Vec<String>,
    /// Refuse transient queues that are not exclusive, as RabbitMQ 4.3 does
    #[arg(long)]
    pub(super) refuse_transient_queues: bool,
    /// Listen on addresses that other machines reach, even without users or TLS
    #[arg(long)]
    pub(super) insecure: bool,
    /// Print one JSON object when it is ready, with its URL and addresses
    #[arg(long)]
    pub(super) json: bool,
}

/// Reads a number of bytes: `1000`, `64k`, `512M`, `1G`, each step 1024.
fn size(text: &str) -> Result<u64, String> {
    let wrong = || "write a number of bytes such as 512M or 1G".to_owned();
    let (digits, shift) = match text.strip_suffix(['k', 'K', 'M', 'G']) {
        None => (text, 0),
        Some(digits) if text.ends_with('M') => (digits, 20),
        Some(digits) if text.ends_with('G') => (digits, 30),
        Some(digits) => (digits, 10),
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    match number.checked_mul(1 << shift) {
        None | Some(0) => Err(wrong()),
        Some(bytes) => Ok(bytes),
    }
}

#[cfg(test)]
mod tests;
