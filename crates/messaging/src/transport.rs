//! Transports: a driver, the default exchange, and what failures may become.
//!
//! There are two types, since the two uses never mix: an [`RpcTransport`] carries calls, casts and RPC servers, a
//! [`NotificationTransport`] carries notifications. Both are cheap handles to one driver.

mod inbox;
mod notification;
mod options;
mod rpc;

use std::sync::Arc;
use std::time::Duration;

use bergen_config::OptionError;
use tokio::time::Instant;

pub use notification::{NotificationTransport, Notifications};
pub(crate) use options::RpcDefaults;
pub use options::{DriverSet, OwnDrivers, TransportOptions, TransportOptionsOf};
pub use rpc::{Requests, RpcTransport};

use crate::clock::later;
use crate::driver::{Capabilities, Driver, DriverError, TransportKind};
use crate::url::{TransportUrl, UrlError};
use options::Resolved;

/// Why a transport could not be made. Nothing was sent to anyone yet.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The transport URL can't be read (the peer's `InvalidTransportURL`).
    #[error(transparent)]
    InvalidTransportUrl(#[from] UrlError),
    /// The driver could not be made (the peer's `DriverLoadFailure`).
    #[error(transparent)]
    DriverLoadFailure(#[from] DriverError),
    /// An option of the configuration has no usable value.
    #[error(transparent)]
    InvalidOption(#[from] OptionError),
}

/// The driver lacks something that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {driver} driver can't {feature}")]
pub struct MissingFeature {
    /// The driver, by the scheme of its URL.
    pub driver: String,
    /// What it can't do.
    pub feature: &'static str,
}

/// What both kinds of transport are made of.
#[derive(Clone)]
struct Shared {
    driver: Arc<dyn Driver>,
    url: Arc<TransportUrl>,
    control_exchange: Arc<str>,
    allowed_remote_modules: Option<Arc<[String]>>,
    defaults: RpcDefaults,
    host: Arc<str>,
}

impl Shared {
    fn new<D>(options: TransportOptionsOf<D>, kind: TransportKind) -> Result<Self, TransportError> {
        let Resolved {
            registry,
            config,
            defaults,
            host,
            allowed_remote_modules,
        } = options.resolve(kind)?;
        let url = Arc::new(config.url.clone());
        let control_exchange = Arc::from(config.control_exchange.as_str());
        let driver = registry.create(config)?;
        let capabilities = driver.capabilities();
        let (supported, operation) = match kind {
            TransportKind::Rpc => (capabilities.rpc, "RPC"),
            TransportKind::Notifications => (capabilities.notifications, "notifications"),
        };
        if !supported {
            let driver = url.driver().to_owned();
            return Err(DriverError::Unsupported { driver, operation }.into());
        }
        Ok(Self {
            driver,
            url,
            control_exchange,
            allowed_remote_modules: allowed_remote_modules.map(Into::into),
            defaults,
            host: host.into(),
        })
    }

    fn capabilities(&self) -> Capabilities {
        self.driver.capabilities()
    }

    fn require_requeue(&self) -> Result<(), MissingFeature> {
        if self.capabilities().requeue {
            return Ok(());
        }
        let driver = self.url.driver().to_owned();
        Err(MissingFeature {
            driver,
            feature: "requeue messages",
        })
    }

    async fn close(&self, deadline: Duration) {
        self.driver.close(later(Instant::now(), deadline)).await;
    }
}
