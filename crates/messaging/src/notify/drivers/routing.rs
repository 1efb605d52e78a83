//! Events go where rules say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use super::super::{Event, NotifierError, NotifyDriver, NotifyError, Priority};
use crate::driver::BoxFuture;

mod rules;

pub use rules::{RoutingError, RoutingRules};

#[cfg(test)]
mod tests;

/// Chooses for each event the drivers that are to have it, by event type and priority (the peer's driver `routing`).
///
/// The peer's reads its file and then loads none of the drivers that it names, so that every event ends in a log line
/// about an error. This one works, on the same file.
///
/// ```
/// use bergen_messaging::notify::drivers::{RoutingDriver, RoutingRules, TestDriver};
///
/// let rules = RoutingRules::parse(
///     "
/// audit:
///   log:
///     accepted_priorities: [audit]
/// billing:
///   messagingv2:
///     accepted_events: ['compute.instance.*', 'volume.*.end']
/// ",
/// )?;
/// let (log, bus) = (TestDriver::default(), TestDriver::default());
/// let routing = RoutingDriver::new(rules).driver("log", log).driver("messagingv2", bus);
/// assert!(routing.missing().is_empty());
/// # Ok::<(), bergen_messaging::notify::drivers::RoutingError>(())
/// ```
#[derive(Debug)]
pub struct RoutingDriver {
    rules: RwLock<Arc<RoutingRules>>,
    file: Option<PathBuf>,
    drivers: BTreeMap<String, Arc<dyn NotifyDriver>>,
}

impl RoutingDriver {
    /// Goes by these rules. They name drivers, which [`driver`](Self::driver) brings.
    pub fn new(rules: RoutingRules) -> Self {
        Self {
            rules: RwLock::new(Arc::new(rules)),
            file: None,
            drivers: BTreeMap::new(),
        }
    }

    /// Goes by the rules of a YAML file, the peer's `routing_config`.
    ///
    /// # Errors
    /// The file can't be read, or is no such file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, RoutingError> {
        let path = path.as_ref();
        let mut routing = Self::new(RoutingRules::read(path)?);
        routing.file = Some(path.to_owned());
        Ok(routing)
    }

    /// Brings the driver that rules call `name`.
    #[must_use]
    pub fn driver(self, name: impl Into<String>, driver: impl NotifyDriver) -> Self {
        self.shared_driver(name, Arc::new(driver))
    }

    /// The same for a driver that others have too.
    #[must_use]
    pub fn shared_driver(mut self, name: impl Into<String>, driver: Arc<dyn NotifyDriver>) -> Self {
        self.drivers.insert(name.into(), driver);
        self
    }

    /// Drivers that rules name and nobody has brought. Their events are lost, with an error each.
    pub fn missing(&self) -> Vec<String> {
        let rules = self.rules();
        let names = rules.drivers().into_iter();
        let missing = names.filter(|name| !self.drivers.contains_key(*name));
        missing.map(str::to_owned).collect()
    }

    /// Reads the file again, for example on SIGHUP. Does nothing if the rules are from no file.
    ///
    /// # Errors
    /// The file can't be read, or is no such file: the rules stay as they were.
    pub fn reload(&self) -> Result<(), RoutingError> {
        if let Some(file) = &self.file {
            self.replace(RoutingRules::read(file)?);
        }
        Ok(())
    }

    /// Goes by other rules from now on.
    pub fn replace(&self, rules: RoutingRules) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }

    fn rules(&self) -> Arc<RoutingRules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn route(&self, event: &Event) -> Result<(), NotifyError> {
        let mut outcome = Ok(());
        for name in self.accepting(&event.notification.event_type, event.priority) {
            let handed_on = match self.drivers.get(&name) {
                Some(driver) => driver.notify(event).await,
                None => Err(NotifyError::UnknownDriver { name }),
            };
            outcome = outcome.and(handed_on);
        }
        outcome
    }

    /// Each driver once, however many groups want it.
    fn accepting(&self, event_type: &str, priority: Priority) -> BTreeSet<String> {
        let rules = self.rules();
        let accepting = rules.accepting(event_type, priority);
        accepting.map(str::to_owned).collect()
    }
}

impl NotifyDriver for RoutingDriver {
    fn name(&self) -> &'static str {
        "routing"
    }

    /// All drivers that accept the event are tried; the first error is returned.
    fn notify<'a>(&'a self, event: &'a Event) -> BoxFuture<'a, Result<(), NotifyError>> {
        Box::pin(self.route(event))
    }

    fn is_enabled(&self) -> bool {
        !self.rules().drivers().is_empty()
    }

    fn reload(&self) -> Result<(), NotifierError> {
        Ok(Self::reload(self)?)
    }
}
