//! From the options to a running broker, and the words about it.

use std::net::SocketAddr;

use bergen_broker::core::HostSettings;
use bergen_broker::{
    Address, Broker, HttpSettings, Limits, Listen, ManagementError, StartError, TlsFiles,
};
use serde_json::json;

use super::options::BrokerOptions;
use super::users;
use crate::exit::Failed;

/// RabbitMQ's ports.
const PORT: u16 = 5672;
const TLS_PORT: u16 = 5671;

/// Starts what the options describe.
pub(super) async fn start(options: &BrokerOptions) -> Result<Broker, Failed> {
    let mut limits = Limits::default();
    if let Some(memory) = options.memory {
        limits.memory_high_watermark = memory;
    }
    let mut builder = Broker::builder()
        .access(users::access(options)?)
        .insecure(options.insecure)
        .limits(limits);
    for listen in listens(options).await? {
        builder = builder.listen(listen);
    }
    for name in virtual_hosts(options) {
        let mut settings = HostSettings::default();
        settings.name = name.into();
        settings.transient_shared_queues = !options.refuse_transient_queues;
        builder = builder.virtual_host(settings);
    }
    if let Some(directory) = &options.data {
        builder = builder.data(directory);
    }
    if let Some(address) = &options.http {
        let mut http = HttpSettings::new(address);
        http.hosts.clone_from(&options.http_host);
        http.insecure = options.insecure;
        builder = builder.http(http);
    }
    builder.start().await.map_err(|error| failed(&error))
}

/// What is said when it is ready, the line that says so last.
pub(super) fn lines(options: &BrokerOptions, broker: &Broker) -> Vec<String> {
    let mut lines = vec![format!(
        "bergen {}, an AMQP 0-9-1 broker",
        env!("CARGO_PKG_VERSION")
    )];
    for address in broker.addresses() {
        lines.push(match address {
            Address::Tls(address) => format!("listening on {address} with TLS"),
            Address::Unix(path) => format!("listening on the Unix socket {}", path.display()),
            address => format!("listening on {address}"),
        });
    }
    if let Some(address) = broker.http_address() {
        lines.push(format!("management API at http://{address}/api/"));
    }
    lines.push(format!(
        "virtual hosts: {}",
        virtual_hosts(options).join(" ")
    ));
    lines.push(if has_users(options) {
        "users: those that were given".to_owned()
    } else {
        "users: guest with the password guest, from this machine only".to_owned()
    });
    lines.push(match &options.data {
        Some(directory) => format!(
            "durable queues and persistent messages are kept in {}",
            directory.display()
        ),
        None => "in memory only: nothing survives a restart (--data DIR keeps what is durable)"
            .to_owned(),
    });
    if options.insecure {
        lines.push("insecure: other machines may reach it, and without TLS in clear".to_owned());
    }
    lines.push(format!("ready: {}", url(options, broker)));
    lines
}

/// The same for programs.
pub(super) fn json(options: &BrokerOptions, broker: &Broker) -> String {
    let addresses = broker.addresses().iter().map(|address| {
        let kind = match address {
            Address::Tls(_) => "tls",
            Address::Unix(_) => "unix",
            _ => "tcp",
        };
        json!({"kind": kind, "address": address.to_string()})
    });
    let http = broker
        .http_address()
        .map(|address| format!("http://{address}/"));
    json!({
        "ready": true,
        "url": url(options, broker),
        "addresses": addresses.collect::<Vec<_>>(),
        "http": http,
        "virtual_hosts": virtual_hosts(options),
        "data": options.data,
        "pid": std::process::id(),
    })
    .to_string()
}

/// What to give to `--url` and `transport_url`.
fn url(options: &BrokerOptions, broker: &Broker) -> String {
    let login = if has_users(options) {
        "USER:PASSWORD"
    } else {
        "guest:guest"
    };
    let mut urls = broker.addresses().iter().map(|address| match address {
        Address::Tls(address) => format!("rabbit://{login}@{address}/?ssl=true"),
        Address::Unix(path) => format!("unix:{}", path.display()),
        address => format!("rabbit://{login}@{address}/"),
    });
    urls.next().unwrap_or_default()
}

fn has_users(options: &BrokerOptions) -> bool {
    !options.user.is_empty() || options.users_file.is_some()
}

/// The default one and those that were asked for.
fn virtual_hosts(options: &BrokerOptions) -> Vec<&str> {
    let mut names = vec!["/"];
    for name in &options.vhost {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names
}

async fn listens(options: &BrokerOptions) -> Result<Vec<Listen>, Failed> {
    let files = match (&options.tls_cert, &options.tls_key) {
        (Some(certificate), Some(key)) => {
            let files = TlsFiles::new(certificate, key);
            Some(match &options.tls_client_ca {
                Some(authorities) => files.client_authorities(authorities),
                None => files,
            })
        }
        _ => None,
    };
    let port = if files.is_some() { TLS_PORT } else { PORT };
    let typed = match &options.listen[..] {
        [] if options.unix.is_some() => &[],
        [] => &["127.0.0.1".to_owned()][..],
        typed => typed,
    };
    let mut listens = Vec::new();
    for typed in typed {
        for address in addresses(typed, port).await? {
            listens.push(match &files {
                Some(files) => Listen::Tls(address, files.clone()),
                None => Listen::Tcp(address),
            });
        }
    }
    if listens.is_empty() && files.is_some() {
        return Err(Failed::Usage(
            "--tls-cert: there is no --listen that would speak TLS; a Unix socket does not"
                .to_owned(),
        ));
    }
    listens.extend(options.unix.clone().map(Listen::Unix));
    Ok(listens)
}

/// The addresses that a name, an address or either of them with a port stand for.
async fn addresses(typed: &str, port: u16) -> Result<Vec<SocketAddr>, Failed> {
    if let Ok(address) = typed.parse() {
        return Ok(vec![address]);
    }
    let bare = typed.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let with_port = if typed.contains(':') {
        typed.to_owned()
    } else {
        format!("{typed}:{port}")
    };
    let found = tokio::net::lookup_host(&with_port).await.map_err(|error| {
        Failed::Usage(format!(
            "--listen {typed}: {error}; write an address such as 127.0.0.1:5672 or [::1]:5672"
        ))
    })?;
    // A name may have several addresses, and one of them more than once.
    let mut found: Vec<_> = found.collect();
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn failed(error: &StartError) -> Failed {
    use bergen_broker::ListenError as Listen;
    let text = error.to_string();
    match error {
        StartError::Listen(
            Listen::NoUsers { .. } | Listen::NoTls { .. } | Listen::Certificate { .. },
        ) => Failed::Usage(text),
        StartError::Http(ManagementError::Unencrypted { .. }) => {
            Failed::Usage(format!("{text} (--insecure)"))
        }
        _ => Failed::System(text),
    }
}

#[cfg(test)]
mod tests;
