//! Which broker, which exchange: options that every command has.

use std::path::PathBuf;
use std::time::Duration;

use bergen::config::{ConfigError, Configuration, Options, Source};
use bergen::options::{self, DEFAULT_GROUP, NOTIFICATIONS_GROUP, RABBIT_GROUP};
use bergen::transport::{NotificationTransport, RpcTransport, TransportError, TransportOptions};
use bergen::url::TransportUrl;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::exit::Failed;

/// Where to connect to.
#[derive(Debug, Args)]
pub(crate) struct ConnectionOptions {
    // Read later: clap would repeat a wrong URL, and with it the password.
    #[arg(
        long,
        global = true,
        help_heading = "Broker",
        value_name = "URL",
        help = "Transport URL, such as rabbit://user:password@host:5672/vhost [default: \
                TRANSPORT_URL of the environment]"
    )]
    url: Option<String>,
    /// Control exchange: nova for nova, neutron for neutron [default: openstack]
    #[arg(long, global = true, help_heading = "Broker", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    exchange: Option<String>,
    #[arg(
        long,
        global = true,
        help_heading = "Broker",
        value_name = "FILE",
        help = "An oslo.config file such as nova.conf: its transport_url, control_exchange and \
                rabbit options; may be repeated, later files win"
    )]
    config_file: Vec<PathBuf>,
}

/// The environment variable of the URL.
const TRANSPORT_URL: &str = "TRANSPORT_URL";
/// The option of the URL.
const TRANSPORT_URL_OPTION: &str = "transport_url";
/// The option that bounds the start of a server.
const LISTEN_TIMEOUT: &str = "bergen_listen_timeout";
/// How long closing may take before the broker is left to notice by itself.
const GOODBYE: Duration = Duration::from_secs(2);

impl ConnectionOptions {
    /// A transport for RPC. Nothing connects before the first message.
    pub(crate) fn rpc_transport(&self) -> Result<RpcTransport, Failed> {
        self.rpc(environment(), None)
    }

    /// The same for a server, whose start gives a broker up that can't be reached for so long; unless the
    /// configuration says how long.
    pub(crate) fn rpc_transport_for_server(
        &self,
        patience: Duration,
    ) -> Result<RpcTransport, Failed> {
        self.rpc(environment(), Some(patience))
    }

    /// A transport for notifications, with the topics that the configuration publishes to.
    pub(crate) fn notification_transport(
        &self,
    ) -> Result<(NotificationTransport, Vec<String>), Failed> {
        let values = self.values()?;
        let topics = values.get(NOTIFICATIONS_GROUP, "topics");
        let topics = topics.map_err(|error| Failed::Usage(error.to_string()))?;
        Ok((self.notifications(values, None)?, topics))
    }

    /// A transport for a listener, with the patience of a server.
    pub(crate) fn notification_transport_for_listener(
        &self,
        patience: Duration,
    ) -> Result<NotificationTransport, Failed> {
        self.notifications(self.values()?, Some(patience))
    }

    /// Says goodbye to the broker.
    pub(crate) async fn close(&self, transport: RpcTransport) {
        transport.close(GOODBYE).await;
    }

    /// Says goodbye to the broker of notifications.
    pub(crate) async fn close_notifications(&self, transport: NotificationTransport) {
        transport.close(GOODBYE).await;
    }

    fn rpc(
        &self,
        environment: Option<String>,
        patience: Option<Duration>,
    ) -> Result<RpcTransport, Failed> {
        let values = self.values()?;
        let source = values.source(DEFAULT_GROUP, TRANSPORT_URL_OPTION);
        let options = self.transport_options(values, environment, patience)?;
        RpcTransport::new(options).map_err(|error| unusable(&error, &source))
    }

    fn notifications(
        &self,
        values: Options,
        patience: Option<Duration>,
    ) -> Result<NotificationTransport, Failed> {
        let source = match values.source(NOTIFICATIONS_GROUP, TRANSPORT_URL_OPTION) {
            Source::Default => values.source(DEFAULT_GROUP, TRANSPORT_URL_OPTION),
            own => own,
        };
        let options = self.transport_options(values, environment(), patience)?;
        NotificationTransport::new(options).map_err(|error| unusable(&error, &source))
    }

    /// What the files and the environment say.
    fn values(&self) -> Result<Options, Failed> {
        let mut configuration = Configuration::builder().environment();
        for options in options::DECLARED {
            configuration = configuration.declare(options);
        }
        for path in &self.config_file {
            configuration = configuration.file(path);
        }
        let configuration = configuration.load().map_err(|error| match error {
            ConfigError::Option(error) => Failed::Usage(error.to_string()),
            error => Failed::Usage(format!("--config-file: {error}")),
        })?;
        let values = Options::clone(&configuration.options());
        for notice in values.notices() {
            tracing::info!("{notice}");
        }
        Ok(values)
    }

    fn transport_options(
        &self,
        mut values: Options,
        environment: Option<String>,
        patience: Option<Duration>,
    ) -> Result<TransportOptions, Failed> {
        if let Some(patience) = patience
            && values.source(RABBIT_GROUP, LISTEN_TIMEOUT) == Source::Default
        {
            let seconds = patience.as_secs_f64().to_string();
            values
                .set(RABBIT_GROUP, LISTEN_TIMEOUT, &seconds, Source::Code)
                .map_err(|error| Failed::Usage(format!("--connect-timeout: {error}")))?;
        }
        let mut transport = TransportOptions::default().options(values);
        if let Some(url) = self.url(environment)? {
            transport = transport.url(url);
        }
        if let Some(exchange) = &self.exchange {
            transport = transport.control_exchange(exchange);
        }
        Ok(transport)
    }

    /// The URL of the command line, else of the environment. Errors say where in it they are and
    /// do not repeat it, since it may hold a password.
    fn url(&self, environment: Option<String>) -> Result<Option<TransportUrl>, Failed> {
        let environment = environment.filter(|url| !url.is_empty());
        let (source, text) = match (&self.url, &environment) {
            (Some(url), _) => ("--url", url),
            (None, Some(url)) => (TRANSPORT_URL, url),
            (None, None) => return Ok(None),
        };
        text.parse()
            .map(Some)
            .map_err(|error| Failed::Usage(format!("{source}: {error}")))
    }
}

fn environment() -> Option<String> {
    std::env::var(TRANSPORT_URL).ok()
}

fn unusable(error: &TransportError, source: &Source) -> Failed {
    Failed::Usage(match error {
        TransportError::InvalidTransportUrl(error) => {
            format!("transport_url, from {source}: {error}")
        }
        error => error.to_string(),
    })
}

/// Reads a number of seconds, fractions allowed.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || "write a number of seconds, such as 5 or 0.5".to_owned();
    let number: f64 = text.parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(number).map_err(|_| wrong())
}

/// Reads a number of seconds above 0.
pub(crate) fn positive_seconds(text: &str) -> Result<Duration, String> {
    match seconds(text)? {
        Duration::ZERO => Err("write more than 0 seconds".to_owned()),
        duration => Ok(duration),
    }
}

/// Reads the seconds of `--monitor`: servers send no signs of life to who wants them more often.
pub(crate) fn monitor_seconds(text: &str) -> Result<Duration, String> {
    let duration = seconds(text)?;
    if duration < Duration::from_secs(2) {
        return Err("write 2 seconds or more: servers show life once every half of it".to_owned());
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(url: Option<&str>) -> ConnectionOptions {
        ConnectionOptions {
            url: url.map(str::to_owned),
            exchange: None,
            config_file: Vec::new(),
        }
    }

    #[test]
    fn the_command_line_wins_over_the_environment() {
        let environment = || Some("rabbit://there/".to_owned());
        let url = |typed| {
            options(typed)
                .url(environment())
                .unwrap()
                .unwrap()
                .to_string()
        };
        assert_eq!(url(Some("rabbit://here/")), "rabbit://here/");
        assert_eq!(url(None), "rabbit://there/");
        assert_eq!(options(None).url(Some(String::new())).unwrap(), None);
    }

    #[tokio::test]
    async fn without_any_url_the_rabbit_of_this_machine_is_meant() {
        let transport = options(None).rpc(None, None).unwrap();
        assert_eq!(transport.url().driver(), "rabbit");
        assert_eq!(transport.url().hosts(), []);
        assert_eq!(transport.url().virtual_host(), "/");
        assert_eq!(transport.control_exchange(), "openstack");
    }

    #[test]
    fn a_wrong_url_is_not_repeated() {
        let wrong = "rabbit://guest:s3cret@mq:x/";
        for (options, environment, source) in [
            (options(Some(wrong)), None, "--url"),
            (options(None), Some(wrong.to_owned()), "TRANSPORT_URL"),
        ] {
            let Err(Failed::Usage(text)) = options.url(environment) else {
                panic!("{wrong} was taken");
            };
            assert!(text.contains(source), "{text}");
            assert!(text.contains("at character 26"), "{text}");
            assert!(!text.contains("s3cret"), "{text}");
        }
    }

    #[test]
    fn seconds_may_have_fractions_and_no_sign() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(seconds("0"), Ok(Duration::ZERO));
        assert!(positive_seconds("0").is_err());
        assert!(monitor_seconds("1.9").is_err());
        for wrong in ["-1", "x", "nan", "1e300", ""] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
