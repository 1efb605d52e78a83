//! What a process needs of messaging, in one place: both transports and the notifier.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::notify::Notifier;
use crate::transport::{
    NotificationTransport, RpcTransport, TransportError, TransportOptions, TransportOptionsOf,
};

/// Both transports and the notifier of a program. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Runtime {
    rpc: RpcTransport,
    notifications: NotificationTransport,
    notifier: Notifier,
}

/// What a [`Runtime`] is made from.
#[derive(Debug, Clone)]
pub struct RuntimeOptions {
    /// The transport of RPC.
    pub rpc: TransportOptions,
    /// The transport of notifications; usually the same options, perhaps with another URL.
    pub notifications: TransportOptions,
    /// Who the notifier publishes for, by convention `<service>.<host>`.
    pub publisher_id: String,
}

impl RuntimeOptions {
    /// The same options for both transports.
    pub fn new<D>(transport: TransportOptionsOf<D>, publisher_id: impl Into<String>) -> Self {
        let transport: TransportOptions = transport.typed();
        Self {
            rpc: transport.clone(),
            notifications: transport,
            publisher_id: publisher_id.into(),
        }
    }
}

impl Runtime {
    /// Makes the transports and the notifier, without touching the network.
    ///
    /// # Errors
    /// A URL can't be read, names no known driver, or carries options that the driver refuses.
    pub fn new(options: RuntimeOptions) -> Result<Self, TransportError> {
        let rpc = RpcTransport::new(options.rpc)?;
        let notifications = NotificationTransport::new(options.notifications)?;
        let notifier = Notifier::new(&notifications, options.publisher_id);
        Ok(Self {
            rpc,
            notifications,
            notifier,
        })
    }

    /// The transport of calls, casts and RPC servers.
    pub fn rpc(&self) -> &RpcTransport {
        &self.rpc
    }

    /// The transport of notifications.
    pub fn notifications(&self) -> &NotificationTransport {
        &self.notifications
    }

    /// The notifier.
    pub fn notifier(&self) -> &Notifier {
        &self.notifier
    }

    /// Closes both transports within `deadline`. Idempotent.
    pub async fn close(&self, deadline: Duration) {
        tokio::join!(self.rpc.close(deadline), self.notifications.close(deadline));
    }
}

/// A place for the one runtime of a process, for programs that do not want to hand it around: a `static`, or a field
/// of whatever lives as long as the program.
///
/// ```
/// use bergen_messaging::runtime::{RuntimeHolder, RuntimeOptions};
/// use bergen_messaging::transport::TransportOptions;
///
/// static MESSAGING: RuntimeHolder = RuntimeHolder::new();
///
/// # fn main() -> Result<(), bergen_messaging::runtime::RuntimeError> {
/// MESSAGING.init(RuntimeOptions::new(TransportOptions::default(), "compute.host-1"))?;
/// let transport = MESSAGING.current()?.rpc().clone();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct RuntimeHolder {
    runtime: Mutex<Option<Arc<Runtime>>>,
}

impl RuntimeHolder {
    /// An empty holder.
    pub const fn new() -> Self {
        Self {
            runtime: Mutex::new(None),
        }
    }

    /// Makes the runtime and keeps it.
    ///
    /// # Errors
    /// [`RuntimeError::AlreadyInitialised`] if there is one, or why it could not be made.
    pub fn init(&self, options: RuntimeOptions) -> Result<Arc<Runtime>, RuntimeError> {
        let mut held = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_some() {
            return Err(RuntimeError::AlreadyInitialised);
        }
        let runtime = Arc::new(Runtime::new(options)?);
        *held = Some(Arc::clone(&runtime));
        Ok(runtime)
    }

    /// The runtime.
    ///
    /// # Errors
    /// [`RuntimeError::NotInitialised`] if there is none.
    pub fn current(&self) -> Result<Arc<Runtime>, RuntimeError> {
        let held = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        held.clone().ok_or(RuntimeError::NotInitialised)
    }

    /// Lets go of the runtime and closes it within `deadline`; a new one may be made at once.
    ///
    /// # Errors
    /// [`RuntimeError::NotInitialised`] if there is none.
    pub async fn cleanup(&self, deadline: Duration) -> Result<(), RuntimeError> {
        let held = self
            .runtime
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        held.ok_or(RuntimeError::NotInitialised)?
            .close(deadline)
            .await;
        Ok(())
    }
}

/// Why there is no runtime.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// There is one already.
    #[error("messaging is initialised already; clean it up before initialising it again")]
    AlreadyInitialised,
    /// There is none.
    #[error("messaging is not initialised")]
    NotInitialised,
    /// It could not be made.
    #[error(transparent)]
    Transport(#[from] TransportError),
}
