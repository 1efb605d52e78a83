//! The resources that an agent understands.

use std::collections::BTreeMap;
use std::sync::Arc;

use bergen_messaging::rpc::{Connection, Endpoint};

use super::{ResourceConsumer, ResourcesPushEndpoint, topic};
use crate::objects::{Version, VersionedObject};

/// The resources that an agent understands, each in one version. The server pushes those versions, once the agent has
/// announced them.
///
/// ```
/// use bergen_openstack::neutron::AgentState;
/// use bergen_openstack::neutron::resources::ResourceVersions;
///
/// let understood = ResourceVersions::new().with("Port", (1, 11)).with("Network", (1, 3));
/// let mut state = AgentState::l3("net-1");
/// state.resource_versions = Some(understood.announced());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResourceVersions(BTreeMap<String, Version>);

impl ResourceVersions {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Also this resource: its class's name and the version that is read.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, version: impl Into<Version>) -> Self {
        self.0.insert(name.into(), version.into());
        self
    }

    /// Also this class, in the version that is declared here.
    #[must_use]
    pub fn with_object<T: VersionedObject>(self) -> Self {
        let class = T::definition();
        self.with(class.name, class.version)
    }

    /// For [`AgentState::resource_versions`](crate::neutron::AgentState::resource_versions).
    pub fn announced(&self) -> BTreeMap<String, String> {
        let versions = self.0.iter();
        versions
            .map(|(name, version)| (name.clone(), version.to_string()))
            .collect()
    }

    /// Adds a consumer for the pushes of each resource to an agent's connection: to be called in
    /// [`initialize_service_hook`](crate::neutron::Agent::initialize_service_hook). They consume when the connection is
    /// told to.
    pub fn create_consumers<C: ResourceConsumer>(
        &self,
        connection: &mut Connection,
        consumer: &Arc<C>,
    ) {
        let endpoint: Arc<dyn Endpoint> =
            Arc::new(ResourcesPushEndpoint::new(Arc::clone(consumer)));
        for (name, version) in &self.0 {
            connection.create_consumer(&topic(name, *version), [Arc::clone(&endpoint)], true);
        }
    }
}
