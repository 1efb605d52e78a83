use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bergen_config::Options;

use super::Notifier;
use crate::driver::Retry;
use crate::notify::drivers::{
    Format, LogDriver, MessagingDriver, NoopDriver, RoutingDriver, RoutingRules, TestDriver,
};
use crate::notify::{DEFAULT_TOPIC, NotifierError, NotifyDriver};
use crate::options::NOTIFICATIONS_GROUP;
use crate::rpc::Serializer;
use crate::transport::NotificationTransport;

/// A notifier in the making; see [`Notifier::builder`].
#[derive(Clone)]
pub struct NotifierBuilder {
    transport: NotificationTransport,
    publisher_id: String,
    topics: Vec<String>,
    format: Format,
    others: Vec<Arc<dyn NotifyDriver>>,
    retry: Retry,
    timeout: Option<Duration>,
    serializer: Option<Arc<dyn Serializer>>,
}

impl NotifierBuilder {
    pub(super) fn new(transport: &NotificationTransport, publisher_id: String) -> Self {
        Self {
            transport: transport.clone(),
            publisher_id,
            topics: vec![DEFAULT_TOPIC.to_owned()],
            format: Format::default(),
            others: Vec::new(),
            retry: Retry::Forever,
            timeout: None,
            serializer: None,
        }
    }

    /// Publishes to these topics instead of `notifications`.
    #[must_use]
    pub fn topics<S: Into<String>>(mut self, topics: impl IntoIterator<Item = S>) -> Self {
        self.topics = topics.into_iter().map(Into::into).collect();
        self
    }

    /// How events stand in their messages. Default: [`Format::V2`].
    #[must_use]
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// Hands every event to this driver too.
    #[must_use]
    pub fn also(mut self, driver: impl NotifyDriver) -> Self {
        self.others.push(Arc::new(driver));
        self
    }

    /// Tries this often again. Default: for ever, as the peer's `retry` of -1.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Gives an event this long to be confirmed for all topics; then sending it fails, though the broker may have it.
    /// Default: as long as [`retry`](Self::retry) allows, as the peer, since notifications are promised at least once.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Converts payloads and contexts first; see [`Notifier::with_serializer`].
    #[must_use]
    pub fn serializer(mut self, serializer: impl Serializer) -> Self {
        self.serializer = Some(Arc::new(serializer));
        self
    }

    /// The notifier.
    pub fn build(self) -> Notifier {
        let messaging = MessagingDriver::new(&self.transport, self.format).topics(self.topics);
        let mut drivers: Vec<Arc<dyn NotifyDriver>> = vec![Arc::new(messaging)];
        drivers.extend(self.others);
        Notifier {
            retry: self.retry,
            timeout: self.timeout,
            serializer: self.serializer,
            ..Notifier::of(self.publisher_id, drivers)
        }
    }
}

impl fmt::Debug for NotifierBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotifierBuilder")
            .field("publisher_id", &self.publisher_id)
            .field("topics", &self.topics)
            .finish_non_exhaustive()
    }
}

impl Notifier {
    /// The notifier that `[oslo_messaging_notifications]` describes: `driver` (one a line), `topics`, `retry`,
    /// `routing_config`.
    ///
    /// Without a driver it sends nothing. A driver that is named twice is there once, and one that is not known is
    /// passed over with a warning, all as in the peer, whose old configurations name classes there.
    ///
    /// # Errors
    /// An option has no such value, or the routing file is none.
    pub fn from_options(
        options: &Options,
        transport: &NotificationTransport,
        publisher_id: impl Into<String>,
    ) -> Result<Self, NotifierError> {
        let retry: i64 = options.get(NOTIFICATIONS_GROUP, "retry")?;
        let named = Named { options, transport };
        let names: Option<Vec<String>> = options.get(NOTIFICATIONS_GROUP, "driver")?;
        let mut names = names.unwrap_or_default();
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        let mut drivers = Vec::new();
        for name in names {
            drivers.extend(named.driver_or_routing(&name)?);
        }
        Ok(Self {
            retry: u32::try_from(retry).map_or(Retry::Forever, Retry::Times),
            ..Self::of(publisher_id.into(), drivers)
        })
    }
}

/// Drivers by the names of the configuration.
struct Named<'a> {
    options: &'a Options,
    transport: &'a NotificationTransport,
}

impl Named<'_> {
    fn driver_or_routing(
        &self,
        name: &str,
    ) -> Result<Option<Arc<dyn NotifyDriver>>, NotifierError> {
        if name != "routing" {
            return self.driver(name);
        }
        let file: Option<String> = self.options.get(NOTIFICATIONS_GROUP, "routing_config")?;
        let Some(file) = file.filter(|file| !file.is_empty()) else {
            return Ok(Some(Arc::new(RoutingDriver::new(RoutingRules::default()))));
        };
        let mut routing = RoutingDriver::from_file(file)?;
        // All, and not only those that the rules name: they may name others when they are read again.
        for name in ["messaging", "messagingv2", "log", "noop", "test"] {
            if let Some(driver) = self.driver(name)? {
                routing = routing.shared_driver(name, driver);
            }
        }
        for unknown in routing.missing() {
            // Logs that it is.
            self.driver(&unknown)?;
        }
        Ok(Some(Arc::new(routing)))
    }

    fn driver(&self, name: &str) -> Result<Option<Arc<dyn NotifyDriver>>, NotifierError> {
        Ok(match name {
            "messaging" => Some(Arc::new(self.messaging(Format::V1)?)),
            "messagingv2" => Some(Arc::new(self.messaging(Format::V2)?)),
            "log" => Some(Arc::new(LogDriver)),
            "noop" => Some(Arc::new(NoopDriver)),
            "test" => Some(Arc::new(TestDriver::default())),
            unknown => {
                tracing::warn!(
                    driver = unknown,
                    "no notification driver goes by that name; its events are not sent"
                );
                None
            }
        })
    }

    fn messaging(&self, format: Format) -> Result<MessagingDriver, NotifierError> {
        let topics: Vec<String> = self.options.get(NOTIFICATIONS_GROUP, "topics")?;
        Ok(MessagingDriver::new(self.transport, format).topics(topics))
    }
}
