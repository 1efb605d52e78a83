//! From a request's namespace, version and method to the endpoint that has it.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use super::server::Conduct;
use super::{AccessPolicy, Call, DynamicEndpoint, Endpoint, MethodError};
use crate::target::{EndpointTarget, Target, Version};
use crate::wire::{Request, RequestVersion};

/// Finds the endpoint for a request: the first that accepts the namespace, serves the version, and has the method
/// where the access policy lets callers reach it.
pub struct Dispatcher {
    entries: Vec<Entry>,
    /// Whether any endpoint's requests are acknowledged late; so that where none is, nobody looks one up for that.
    any_late: bool,
}

struct Entry {
    target: Target,
    methods: HashSet<String>,
    endpoint: Arc<dyn Endpoint>,
    conduct: Conduct,
}

impl Dispatcher {
    /// A dispatcher that asks `endpoints` in their order.
    pub fn new(
        endpoints: impl IntoIterator<Item = Arc<dyn Endpoint>>,
        policy: AccessPolicy,
    ) -> Self {
        Self::with_conducts(
            endpoints
                .into_iter()
                .map(|endpoint| (endpoint, Conduct::default())),
            policy,
        )
    }

    /// The same, with how a server is to go about the requests of each endpoint.
    pub(super) fn with_conducts(
        endpoints: impl IntoIterator<Item = (Arc<dyn Endpoint>, Conduct)>,
        policy: AccessPolicy,
    ) -> Self {
        let entries: Vec<_> = endpoints
            .into_iter()
            .map(|(endpoint, conduct)| Entry::new(endpoint, policy, conduct))
            .collect();
        Self {
            any_late: entries
                .iter()
                .any(|entry| entry.conduct.late_acknowledgement),
            entries,
        }
    }

    /// Adds the built-in endpoint that answers [`PING_METHOD`] with `pong`, unless one that is there has the method.
    #[must_use]
    pub fn with_ping(mut self) -> Self {
        if !self
            .entries
            .iter()
            .any(|entry| entry.methods.contains(PING_METHOD))
        {
            self.entries.push(Entry::new(
                Arc::new(ping_endpoint()),
                AccessPolicy::Legacy,
                Conduct::default(),
            ));
        }
        self
    }

    /// The endpoint that is to run `method`.
    ///
    /// # Errors
    /// `UnsupportedVersion` if no endpoint accepts the namespace and version, `NoSuchMethod` if some do but none has
    /// the method; both in the peer's words.
    pub fn find(
        &self,
        namespace: Option<&str>,
        version: &RequestVersion,
        method: &str,
    ) -> Result<&Arc<dyn Endpoint>, MethodError> {
        self.route(namespace, version, method)
            .map(|(endpoint, _)| endpoint)
    }

    /// The endpoint that is to run `method`, and how.
    pub(super) fn route(
        &self,
        namespace: Option<&str>,
        version: &RequestVersion,
        method: &str,
    ) -> Result<(&Arc<dyn Endpoint>, Conduct), MethodError> {
        let requested = version.version().ok();
        let mut compatible = false;
        for entry in &self.entries {
            let offered = entry.target.version.unwrap_or(Version::DEFAULT);
            if !entry.target.accepts_namespace(namespace)
                || !requested.is_some_and(|requested| offered.accepts(requested))
            {
                continue;
            }
            compatible = true;
            if entry.methods.contains(method) {
                return Ok((&entry.endpoint, entry.conduct));
            }
        }
        if compatible {
            Err(MethodError::no_such_method(method))
        } else {
            Err(MethodError::unsupported_version(
                &version.to_string(),
                method,
            ))
        }
    }
}

impl Dispatcher {
    /// Whether requests like this one are acknowledged when their method has ended.
    pub(super) fn is_late(&self, request: &Request) -> bool {
        let namespace = request.namespace.as_deref();
        self.any_late
            && self
                .route(namespace, &request.version, &request.method)
                .is_ok_and(|(_, conduct)| conduct.late_acknowledgement)
    }
}

impl fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.entries.iter().map(|entry| &entry.target))
            .finish()
    }
}

impl Entry {
    fn new(endpoint: Arc<dyn Endpoint>, policy: AccessPolicy, conduct: Conduct) -> Self {
        let methods = endpoint
            .methods()
            .iter()
            .filter(|method| policy.allows(method))
            .map(|method| method.name.clone().into_owned())
            .collect();
        Self {
            target: endpoint.target().into(),
            methods,
            endpoint,
            conduct,
        }
    }
}

/// The method of the built-in health check.
pub const PING_METHOD: &str = "oslo_rpc_server_ping";

fn ping_endpoint() -> DynamicEndpoint {
    // Any arguments are ignored, as in the peer.
    DynamicEndpoint::new(EndpointTarget::new()).method(PING_METHOD, |_: Call| async {
        Ok::<_, MethodError>("pong")
    })
}

#[cfg(test)]
mod tests;
