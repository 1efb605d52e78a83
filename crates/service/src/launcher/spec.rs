//! What a launcher is to run.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bergen_config::Configuration;

use super::handle::LauncherHandle;
use crate::{BackdoorPort, Service, ServiceError};

/// A service by its name, how to make it, and by how many workers it is run.
#[derive(Clone)]
pub struct ServiceSpec {
    pub(crate) name: String,
    pub(crate) workers: usize,
    pub(crate) factory: Arc<dyn Factory>,
}

impl ServiceSpec {
    /// A service with one worker.
    ///
    /// The factory runs only in the process that runs the service, inside its runtime, before
    /// [`start`](Service::start); it runs again for each restart in the same process. So nothing that it makes
    /// (connections, handles of databases, locks) is ever shared by processes.
    pub fn new<F, M, S>(name: impl Into<String>, factory: F) -> Self
    where
        F: Fn(ServiceContext) -> M + Send + Sync + 'static,
        M: Future<Output = Result<S, ServiceError>> + Send + 'static,
        S: Service,
    {
        Self {
            name: name.into(),
            workers: 1,
            factory: Arc::new(factory),
        }
    }

    /// With this many workers, at least 1. See [`default_worker_count`] for a default.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }
}

impl fmt::Debug for ServiceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceSpec")
            .field("name", &self.name)
            .field("workers", &self.workers)
            .finish_non_exhaustive()
    }
}

/// The number of processors that the process may use: nova's default for `[conductor] workers`.
pub fn default_worker_count() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What a service knows of the process that runs it.
#[derive(Debug, Clone)]
pub struct ServiceContext {
    pub(crate) service: String,
    pub(crate) index: usize,
    pub(crate) workers: usize,
    pub(crate) configuration: Configuration,
    pub(crate) launcher: LauncherHandle,
}

impl ServiceContext {
    /// The service's name.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Which worker of the service this is, from 0. One that replaces another has the other's.
    pub fn index(&self) -> usize {
        self.index
    }

    /// How many workers the service has.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// The configuration of the program.
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// The launcher of this process.
    pub fn launcher(&self) -> &LauncherHandle {
        &self.launcher
    }

    /// Where the process's backdoor is, which is open before any service is made; nova's `backdoor_port`.
    pub fn backdoor_port(&self) -> Option<BackdoorPort> {
        self.launcher.backdoor_port()
    }

    /// The service can not go on: logs why, stops gracefully, and ends the process with status 1. A supervisor starts
    /// another worker. Does not wait.
    pub fn fail(&self, error: ServiceError) {
        tracing::error!(service = self.service, %error, "The service has failed, exiting");
        self.launcher.ending().fail(error);
    }
}

/// A future of a service, whatever its type.
pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Makes a service, whatever its type.
pub(crate) trait Factory: Send + Sync {
    fn make(
        &self,
        context: ServiceContext,
    ) -> BoxFuture<'_, Result<Arc<dyn AnyService>, ServiceError>>;
}

impl<F, M, S> Factory for F
where
    F: Fn(ServiceContext) -> M + Send + Sync,
    M: Future<Output = Result<S, ServiceError>> + Send + 'static,
    S: Service,
{
    fn make(
        &self,
        context: ServiceContext,
    ) -> BoxFuture<'_, Result<Arc<dyn AnyService>, ServiceError>> {
        let made = self(context);
        Box::pin(async { Ok(Arc::new(made.await?) as Arc<dyn AnyService>) })
    }
}

/// A [`Service`], whatever its type.
pub(crate) trait AnyService: Send + Sync {
    fn start(&self) -> BoxFuture<'_, Result<(), ServiceError>>;
    fn stop(&self) -> BoxFuture<'_, ()>;
    fn wait(&self) -> BoxFuture<'_, ()>;
    fn reset(&self) -> BoxFuture<'_, ()>;
}

impl<S: Service> AnyService for S {
    fn start(&self) -> BoxFuture<'_, Result<(), ServiceError>> {
        Box::pin(Service::start(self))
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(Service::stop(self))
    }

    fn wait(&self) -> BoxFuture<'_, ()> {
        Box::pin(Service::wait(self))
    }

    fn reset(&self) -> BoxFuture<'_, ()> {
        Box::pin(Service::reset(self))
    }
}
