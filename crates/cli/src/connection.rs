//! Which broker, which exchange: options that every command has.

use std::path::PathBuf;
use std::time::Duration;

use bergen::config::file::ConfigFile;
use bergen::options::RABBIT_GROUP;
use bergen::options::RABBIT_OPTIONS;
use bergen::transport::RpcTransport;
use bergen::transport::TransportOptions;
use bergen::url::TransportUrl;
use clap::Args;

use crate::exit::Failed;

/// Where to connect to.
#[derive(Debug, Args)]
pub(crate) struct ConnectionOptions {
    /// Transport URL, such as `rabbit://user:password@host:5672/vhost`
    #[arg(long, global = true, env = "TRANSPORT_URL", hide_env_values = true, value_name = "URL")]
    url: Option<TransportUrl>,
    /// Control exchange: nova for nova, neutron for neutron [default: openstack]
    #[arg(long, global = true)]
    exchange: Option<String>,
    /// An oslo.config file such as nova.conf: its `transport_url`, `control_exchange` and rabbit options; may be
    /// repeated, later files win
    #[arg(long, global = true, value_name = "FILE")]
    config_file: Vec<PathBuf>,
}

/// How long closing may take before the broker is left to notice by itself.
const GOODBYE: Duration = Duration::from_secs(2);

impl ConnectionOptions {
    /// A transport for RPC. Nothing connects before the first message.
    pub(crate) fn rpc_transport(&self) -> Result<RpcTransport, Failed> {
        RpcTransport::new(self.options()?).map_err(|error| Failed::Usage(error.to_string()))
    }

    /// Says goodbye to the broker.
    pub(crate) async fn close(&self, transport: RpcTransport) {
        transport.close(GOODBYE).await;
    }
}

impl ConnectionOptions {
    fn options(&self) -> Result<TransportOptions, Failed> {
        let file = FileOptions::read(&self.config_file)?;
        let mut options = TransportOptions::default();
        let url = match (&self.url, file.transport_url) {
            (Some(url), _) => Some(url.clone()),
            (None, Some(text)) => Some(text.parse().map_err(|error| Failed::Usage(format!("transport_url: {error}")))?),
            (None, None) => None,
        };
        let url = url.unwrap_or_else(|| TransportUrl::new("rabbit"));
        // What the URL says itself wins over the file, as in the peer.
        let url = file.rabbit.into_iter().fold(url, |url, (name, value)| {
            if url.query().contains_key(&name) { url } else { url.with_option(name, value) }
        });
        options = options.url(url);
        match self.exchange.clone().or(file.control_exchange) {
            Some(exchange) => Ok(options.control_exchange(exchange)),
            None => Ok(options),
        }
    }
}

/// What the commands use of oslo.config files.
#[derive(Debug, Default, PartialEq)]
struct FileOptions {
    transport_url: Option<String>,
    control_exchange: Option<String>,
    rabbit: Vec<(String, String)>,
}

impl FileOptions {
    fn read(paths: &[PathBuf]) -> Result<Self, Failed> {
        paths.iter().try_fold(Self::default(), |options, path| {
            let file = ConfigFile::read(path).map_err(|error| Failed::Usage(error.to_string()))?;
            Ok(options.with(&file))
        })
    }

    /// The same with what a later file says. Options that we do not know belong to others.
    fn with(mut self, file: &ConfigFile) -> Self {
        for entry in file.entries() {
            match (entry.group.as_str(), entry.name.as_str()) {
                ("DEFAULT", "transport_url") => self.transport_url = Some(entry.value.clone()),
                ("DEFAULT", "control_exchange") => self.control_exchange = Some(entry.value.clone()),
                (RABBIT_GROUP, name) if is_rabbit_option(name) => {
                    self.rabbit.retain(|(known, _)| known != name);
                    self.rabbit.push((name.to_owned(), entry.value.clone()));
                }
                _ => {}
            }
        }
        self
    }
}

fn is_rabbit_option(name: &str) -> bool {
    RABBIT_OPTIONS.iter().any(|option| option.name == name)
}

/// Reads a number of seconds, fractions allowed.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "write a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(number).map_err(|_| "write a number of seconds, 0 or more".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_files_win_and_foreign_options_are_left_alone() {
        let first = "[DEFAULT]\ntransport_url = rabbit://a/\ncontrol_exchange = nova\nworkers = 3\n\
                     [oslo_messaging_rabbit]\nheartbeat_rate = 5\nno_such = 1\n";
        let second = "[DEFAULT]\ntransport_url = rabbit://b/\n[oslo_messaging_rabbit]\nheartbeat_rate = 7\n";
        let options = [first, second].into_iter().fold(FileOptions::default(), |options, text| {
            options.with(&ConfigFile::parse("nova.conf", text).unwrap())
        });
        let expected = FileOptions {
            transport_url: Some("rabbit://b/".to_owned()),
            control_exchange: Some("nova".to_owned()),
            rabbit: vec![("heartbeat_rate".to_owned(), "7".to_owned())],
        };
        assert_eq!(options, expected);
    }

    #[test]
    fn seconds_may_have_fractions_and_no_sign() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for wrong in ["-1", "x", "nan", "1e300"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
