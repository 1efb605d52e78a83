//! Versioned resources: what agents pull from the server, and what the server pushes when it changes.
//!
//! L2 agents and extensions of agents live by them; an L3 agent needs none. An agent says in its state which
//! [`ResourceVersions`] it understands, consumes their topics, and pulls with a [`ResourcesPullClient`]. Resources
//! travel as [`Envelope`](crate::objects::Envelope)s, so that a program may care about classes that are not declared
//! here; [`VersionedObject::from_envelope`](crate::objects::VersionedObject) reads those that are.

mod pull_client;
mod push_client;
mod push_endpoint;
mod versions;

use serde::{Deserialize, Serialize};

pub use pull_client::ResourcesPullClient;
pub use push_client::ResourcesPushClient;
pub use push_endpoint::{ResourceConsumer, ResourcesPushEndpoint};
pub use versions::ResourceVersions;

/// What happened to resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResourceEvent {
    /// They are new.
    Created,
    /// They have changed.
    Updated,
    /// They are gone; what is pushed is how they were.
    Deleted,
}

/// The topic of pushes: `neutron-vo-Port-1.11`.
fn topic(name: &str, version: crate::objects::Version) -> String {
    format!("neutron-vo-{name}-{version}")
}

#[cfg(test)]
mod tests;
