//! From a request's namespace, version and method to the endpoint that has it.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use super::{AccessPolicy, Call, DynamicEndpoint, Endpoint, MethodError};
use crate::target::{EndpointTarget, Target, Version};
use crate::wire::RequestVersion;

/// Finds the endpoint for a request: the first that accepts the namespace, serves the version, and has the method
/// where the access policy lets callers reach it.
pub struct Dispatcher {
    entries: Vec<Entry>,
}

struct Entry {
    target: Target,
    methods: HashSet<String>,
    endpoint: Arc<dyn Endpoint>,
}

impl Dispatcher {
    /// A dispatcher that asks `endpoints` in their order.
    pub fn new(
        endpoints: impl IntoIterator<Item = Arc<dyn Endpoint>>,
        policy: AccessPolicy,
    ) -> Self {
        let entries = endpoints
            .into_iter()
            .map(|endpoint| Entry::new(endpoint, policy))
            .collect();
        Self { entries }
    }

    /// Adds the built-in endpoint that answers [`PING_METHOD`] with `pong`, unless one that is there has the method.
    #[must_use]
    pub fn with_ping(mut self) -> Self {
        if !self
            .entries
            .iter()
            .any(|entry| entry.methods.contains(PING_METHOD))
        {
            self.entries
                .push(Entry::new(Arc::new(ping_endpoint()), AccessPolicy::Legacy));
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
                return Ok(&entry.endpoint);
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

impl fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.entries.iter().map(|entry| &entry.target))
            .finish()
    }
}

impl Entry {
    fn new(endpoint: Arc<dyn Endpoint>, policy: AccessPolicy) -> Self {
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
