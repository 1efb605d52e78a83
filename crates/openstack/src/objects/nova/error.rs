//! What nova's conductor answers about services.

use std::fmt;

use bergen_macros::RpcError;
use serde::{Deserialize, Serialize};

use crate::objects::ObjectError;

/// Why something was not done with a service.
#[derive(Debug, Clone, PartialEq, Eq, RpcError)]
#[rpc(module = "nova.exception", crate = bergen_messaging)]
#[non_exhaustive]
pub enum ServiceError {
    /// No service has this id or UUID.
    #[rpc(
        class = "ServiceNotFound",
        message = "Service {service_id} could not be found."
    )]
    NotFound {
        /// Which was asked for.
        service_id: ServiceId,
    },
    /// The host has a service of this binary.
    #[rpc(
        class = "ServiceBinaryExists",
        message = "Service with host {host} binary {binary} exists."
    )]
    BinaryExists {
        /// The host.
        host: String,
        /// The binary.
        binary: String,
    },
    /// The host has a service of this topic.
    #[rpc(
        class = "ServiceTopicExists",
        message = "Service with host {host} topic {topic} exists."
    )]
    TopicExists {
        /// The host.
        host: String,
        /// The topic.
        topic: String,
    },
    /// The service is older than the rest of the deployment allows.
    #[rpc(
        class = "ServiceTooOld",
        message = "This service is older (v{thisver}) than the minimum (v{minver}) version of the rest of the deployment. Unable to continue."
    )]
    TooOld {
        /// The service's version.
        thisver: i64,
        /// The oldest that is allowed.
        minver: i64,
    },
    /// The method can't be done with this object, for example saving one that has no id.
    #[rpc(
        class = "ObjectActionError",
        message = "Object action {action} failed because: {reason}"
    )]
    Action {
        /// The method.
        action: String,
        /// Why.
        reason: String,
    },
    /// No service has this host and binary.
    #[rpc(
        class = "HostBinaryNotFound",
        message = "Could not find binary {binary} on host {host}."
    )]
    HostBinaryNotFound {
        /// The host.
        host: String,
        /// The binary.
        binary: String,
    },
    /// What goes wrong with objects of any class.
    #[rpc(transparent)]
    Object(ObjectError),
}

/// What a service is known by: nova names it by its number after a heartbeat, and by its UUID after a look-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ServiceId {
    /// The number of its record.
    Id(i64),
    /// Its UUID.
    Uuid(String),
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Uuid(uuid) => uuid.fmt(f),
        }
    }
}
