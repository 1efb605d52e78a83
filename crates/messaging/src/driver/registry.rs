//! Drivers by name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bergen_config::Options;

use super::{Driver, DriverError};
use crate::url::TransportUrl;

/// What a driver is made from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DriverConfig {
    /// Where to connect, with the options of its query.
    pub url: TransportUrl,
    /// What the driver will be used for.
    pub kind: TransportKind,
    /// The exchange of targets that name none.
    pub control_exchange: String,
    /// The options of the configuration, the driver's own group among them. The URL's query wins over them.
    pub options: Options,
}

/// What a driver will be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportKind {
    /// Calls, casts and RPC servers.
    Rpc,
    /// Notifications.
    Notifications,
}

/// Makes a driver. Must not touch the network: drivers connect when they are first used.
pub trait DriverFactory: Send + Sync + 'static {
    /// Makes a driver from `config`.
    ///
    /// # Errors
    /// An option of the URL or of the configuration is not acceptable, or the driver does not serve this kind of
    /// transport.
    fn create(&self, config: DriverConfig) -> Result<Arc<dyn Driver>, DriverError>;
}

impl<F> DriverFactory for F
where
    F: Fn(DriverConfig) -> Result<Arc<dyn Driver>, DriverError> + Send + Sync + 'static,
{
    fn create(&self, config: DriverConfig) -> Result<Arc<dyn Driver>, DriverError> {
        self(config)
    }
}

/// The drivers a program can use, by the scheme of the transport URL, and the older names they go by.
///
/// The default registry has this library's own drivers, registered by the same [`register`](Self::register) that
/// programs use for theirs.
#[derive(Clone)]
pub struct DriverRegistry {
    factories: BTreeMap<String, Arc<dyn DriverFactory>>,
    aliases: BTreeMap<String, String>,
}

impl DriverRegistry {
    /// A registry without drivers, with the old names that the peer and its users know for `rabbit` and `fake`.
    pub fn empty() -> Self {
        let aliases = OLD_NAMES
            .iter()
            .map(|(old, new)| ((*old).to_owned(), (*new).to_owned()));
        Self {
            factories: BTreeMap::new(),
            aliases: aliases.collect(),
        }
    }

    /// Makes `factory` the driver of `scheme`; replaces an earlier one. Names are lower case.
    pub fn register(&mut self, scheme: impl Into<String>, factory: impl DriverFactory) {
        self.factories
            .insert(scheme.into().to_ascii_lowercase(), Arc::new(factory));
    }

    /// Lets `name` stand for `scheme`; replaces an earlier alias.
    pub fn alias(&mut self, name: impl Into<String>, scheme: impl Into<String>) {
        self.aliases.insert(
            name.into().to_ascii_lowercase(),
            scheme.into().to_ascii_lowercase(),
        );
    }

    /// The scheme that `name` stands for: itself if it is no alias.
    pub fn resolve<'a>(&'a self, name: &'a str) -> &'a str {
        if self.factories.contains_key(name) {
            return name;
        }
        self.aliases.get(name).map_or(name, String::as_str)
    }

    /// The schemes that have a driver, in alphabetical order.
    pub fn schemes(&self) -> impl Iterator<Item = &str> {
        self.factories.keys().map(String::as_str)
    }

    /// Makes the driver that the URL's scheme names: its part before a `+`, or what that is an alias of.
    ///
    /// # Errors
    /// [`DriverError::Unknown`] if there is none, or the driver's own error.
    pub fn create(&self, config: DriverConfig) -> Result<Arc<dyn Driver>, DriverError> {
        let name = self.resolve(config.url.driver());
        match self.factories.get(name) {
            Some(factory) => factory.create(config),
            None => Err(DriverError::Unknown {
                name: name.to_owned(),
                known: self.schemes().map(str::to_owned).collect(),
            }),
        }
    }
}

impl Default for DriverRegistry {
    fn default() -> Self {
        let mut registry = Self::empty();
        crate::drivers::register(&mut registry);
        registry
    }
}

impl fmt::Debug for DriverRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DriverRegistry")
            .field("schemes", &self.factories.keys())
            .field("aliases", &self.aliases)
            .finish()
    }
}

/// Names of the time before transport URLs (`rpc_backend`), and the peer's alias for its rabbit driver.
const OLD_NAMES: &[(&str, &str)] = &[
    ("kombu", "rabbit"),
    ("neutron.openstack.common.rpc.impl_fake", "fake"),
    ("neutron.openstack.common.rpc.impl_kombu", "rabbit"),
    ("neutron.rpc.impl_fake", "fake"),
    ("neutron.rpc.impl_kombu", "rabbit"),
    ("nova.openstack.common.rpc.impl_fake", "fake"),
    ("nova.openstack.common.rpc.impl_kombu", "rabbit"),
    ("nova.rpc.impl_fake", "fake"),
    ("nova.rpc.impl_kombu", "rabbit"),
    ("oslo.messaging._drivers.impl_rabbit", "rabbit"),
    ("oslo_messaging._drivers.impl_rabbit", "rabbit"),
];

#[cfg(test)]
mod tests;
