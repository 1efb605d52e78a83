//! What a transport is made from, and which source wins.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use bergen_config::{OptionError, Options, Source};

use crate::driver::{DriverConfig, DriverRegistry, TransportKind};
use crate::options::{DEFAULT_GROUP, NOTIFICATIONS_GROUP, defaults, host};
use crate::transport::TransportError;
use crate::url::TransportUrl;

/// The drivers that a transport chooses from if it is not given a registry of its own.
///
/// A crate that brings messaging and drivers together says so here, once, and its users have them by default:
/// [`TransportOptionsOf`] with its type. Nothing is registered behind anybody's back, and nothing has to run first.
pub trait DriverSet: 'static {
    /// A registry with these drivers.
    fn registry() -> DriverRegistry;
}

/// This library's own drivers: what [`DriverRegistry::default`] has.
#[derive(Debug, Clone, Copy)]
pub enum OwnDrivers {}

impl DriverSet for OwnDrivers {
    fn registry() -> DriverRegistry {
        DriverRegistry::default()
    }
}

/// What a transport is made from, with this library's own drivers to choose from.
pub type TransportOptions = TransportOptionsOf<OwnDrivers>;

/// What a transport is made from. The default reaches a broker on this machine with the peer's defaults.
///
/// Transports that are made of clones of one value, or with one [`registry`](Self::registry), and whose URL and options
/// are equal share their connections to the broker, if they are used on the same tokio runtime; the last one to be
/// closed closes them.
///
/// ```
/// use bergen_messaging::transport::{RpcTransport, TransportOptions};
///
/// # fn main() -> Result<(), bergen_messaging::transport::TransportError> {
/// let transport = RpcTransport::new(
///     TransportOptions::default().url("rabbit://nova:s3cret@mq/".parse()?).control_exchange("nova"),
/// );
/// # Ok(())
/// # }
/// ```
pub struct TransportOptionsOf<D> {
    url: Option<TransportUrl>,
    configured_url: Option<TransportUrl>,
    backend: Option<String>,
    control_exchange: Option<String>,
    allowed_remote_modules: Option<Vec<String>>,
    options: Option<Options>,
    registry: DriverRegistry,
    drivers: PhantomData<fn() -> D>,
}

impl<D> TransportOptionsOf<D> {
    /// Connects there; wins over every other source.
    #[must_use]
    pub fn url(mut self, url: TransportUrl) -> Self {
        self.url = Some(url);
        self
    }

    /// The values of the configuration; [`options::defaults`](crate::options::defaults) makes a set to load a file
    /// into. What is said by other means wins over them.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = Some(options);
        self
    }

    /// The URL that the configuration has for this use alone; wins over the options, not over [`url`](Self::url). The
    /// one in `[oslo_messaging_notifications]` needs no mention: a transport of notifications looks there by itself.
    #[must_use]
    pub fn configured_url(mut self, url: Option<TransportUrl>) -> Self {
        self.configured_url = url;
        self
    }

    /// The option `rpc_backend` of old configurations: a driver by name, on this machine. Used if no URL is set
    /// anywhere.
    #[must_use]
    pub fn backend(mut self, name: impl Into<String>) -> Self {
        self.backend = Some(name.into());
        self
    }

    /// The exchange of targets that name none. Default: the option `control_exchange`, which is `openstack` unless
    /// set; nova sets `nova`, neutron `neutron`.
    #[must_use]
    pub fn control_exchange(mut self, exchange: impl Into<String>) -> Self {
        self.control_exchange = Some(exchange.into());
        self
    }

    /// Lets only failures of these Python modules, and of `builtins`, become a program's own errors; all others stay
    /// a generic [`RemoteError`](crate::rpc::RemoteError). Names match exactly. The peer's `allowed_remote_exmods`.
    ///
    /// Without a list, which is the default, the program's error types are the list: a failure becomes what they
    /// name, and nothing is loaded by name as it is in Python.
    #[must_use]
    pub fn allowed_remote_modules<S: Into<String>>(
        mut self,
        modules: impl IntoIterator<Item = S>,
    ) -> Self {
        self.allowed_remote_modules = Some(modules.into_iter().map(Into::into).collect());
        self
    }

    /// The drivers to choose from. Default: those of `D`.
    #[must_use]
    pub fn registry(mut self, registry: DriverRegistry) -> Self {
        self.registry = registry;
        self
    }

    /// The same options under the type of another set of drivers. The drivers to choose from stay what they are.
    #[must_use]
    pub fn typed<E>(self) -> TransportOptionsOf<E> {
        TransportOptionsOf {
            url: self.url,
            configured_url: self.configured_url,
            backend: self.backend,
            control_exchange: self.control_exchange,
            allowed_remote_modules: self.allowed_remote_modules,
            options: self.options,
            registry: self.registry,
            drivers: PhantomData,
        }
    }

    /// Picks the winners and fills the defaults in.
    pub(super) fn resolve(self, kind: TransportKind) -> Result<Resolved, TransportError> {
        let options = self.options.unwrap_or_else(defaults);
        let for_its_kind: Option<String> = match kind {
            TransportKind::Rpc => None,
            TransportKind::Notifications => options.get(NOTIFICATIONS_GROUP, "transport_url")?,
        };
        let explicit = match (self.url.or(self.configured_url), for_its_kind) {
            (None, Some(url)) if !url.is_empty() => Some(url.parse()?),
            (explicit, _) => explicit,
        };
        let url = match (explicit, self.backend) {
            (Some(url), _) => url,
            (None, Some(backend)) if !is_set(&options, "transport_url") => {
                TransportUrl::new(self.registry.resolve(&backend))
            }
            (None, _) => options
                .get::<String>(DEFAULT_GROUP, "transport_url")?
                .parse()?,
        };
        let control_exchange = match self.control_exchange {
            Some(exchange) => exchange,
            None => options.get(DEFAULT_GROUP, "control_exchange")?,
        };
        Ok(Resolved {
            registry: self.registry,
            defaults: RpcDefaults::of(&options)?,
            host: host(&options)?,
            config: DriverConfig {
                url,
                kind,
                control_exchange,
                options,
            },
            allowed_remote_modules: self.allowed_remote_modules,
        })
    }
}

impl<D: DriverSet> Default for TransportOptionsOf<D> {
    fn default() -> Self {
        Self {
            url: None,
            configured_url: None,
            backend: None,
            control_exchange: None,
            allowed_remote_modules: None,
            options: None,
            registry: D::registry(),
            drivers: PhantomData,
        }
    }
}

impl<D> Clone for TransportOptionsOf<D> {
    fn clone(&self) -> Self {
        Self {
            url: self.url.clone(),
            configured_url: self.configured_url.clone(),
            backend: self.backend.clone(),
            control_exchange: self.control_exchange.clone(),
            allowed_remote_modules: self.allowed_remote_modules.clone(),
            options: self.options.clone(),
            registry: self.registry.clone(),
            drivers: PhantomData,
        }
    }
}

impl<D> fmt::Debug for TransportOptionsOf<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportOptions")
            .field("url", &self.url)
            .field("configured_url", &self.configured_url)
            .field("backend", &self.backend)
            .field("control_exchange", &self.control_exchange)
            .field("allowed_remote_modules", &self.allowed_remote_modules)
            .field("options", &self.options)
            .field("registry", &self.registry)
            .finish()
    }
}

/// What a transport's options come to.
pub(super) struct Resolved {
    pub(super) registry: DriverRegistry,
    pub(super) config: DriverConfig,
    pub(super) defaults: RpcDefaults,
    pub(super) host: String,
    pub(super) allowed_remote_modules: Option<Vec<String>>,
}

/// What the configuration gives to the clients and servers of a transport.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RpcDefaults {
    /// `rpc_response_timeout`.
    pub(crate) response_timeout: Duration,
    /// `executor_thread_pool_size`.
    pub(crate) limit: usize,
    /// `rpc_ping_enabled`.
    pub(crate) ping: bool,
    /// `bergen_cancel_after`.
    pub(crate) cancel_after: Duration,
    /// `bergen_tracebacks`.
    pub(crate) tracebacks: bool,
}

impl RpcDefaults {
    fn of(options: &Options) -> Result<Self, OptionError> {
        Ok(Self {
            response_timeout: options.get(DEFAULT_GROUP, "rpc_response_timeout")?,
            limit: options.get(DEFAULT_GROUP, "executor_thread_pool_size")?,
            ping: options.get(DEFAULT_GROUP, "rpc_ping_enabled")?,
            cancel_after: options.get(DEFAULT_GROUP, "bergen_cancel_after")?,
            tracebacks: options.get(DEFAULT_GROUP, "bergen_tracebacks")?,
        })
    }
}

fn is_set(options: &Options, name: &str) -> bool {
    options.source(DEFAULT_GROUP, name) != Source::Default
}
