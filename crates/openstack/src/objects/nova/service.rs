//! A service of nova, as the database knows it.

use bergen_messaging::wire::convert::DateTime;

use super::ComputeNode;
use crate::objects::{Field, Header, NOVA, ReadOnly, VersionedObject};

/// `Service` 1.22.
#[derive(Debug, Clone, PartialEq, Default, VersionedObject)]
#[object(name = "Service", version = "1.22", namespace = NOVA, crate = crate)]
pub struct Service {
    #[object(header)]
    header: Header,
    /// Set by `create`.
    pub id: ReadOnly<i64>,
    /// Set by `create` if it is absent.
    #[object(since = "1.21")]
    pub uuid: Field<String>,
    /// The host it runs on.
    pub host: Field<Option<String>>,
    /// What runs, for example `nova-compute`.
    pub binary: Field<Option<String>>,
    /// The topic it listens on.
    pub topic: Field<Option<String>>,
    /// Counts its reports.
    pub report_count: Field<i64>,
    /// Whether an operator has disabled it.
    pub disabled: Field<bool>,
    /// Why.
    pub disabled_reason: Field<Option<String>>,
    /// Unset unless asked for.
    pub availability_zone: Field<Option<String>>,
    /// Loaded by the conductor when asked for.
    pub compute_node: Field<ComputeNode>,
    /// When it last reported, by the conductor's clock.
    #[object(since = "1.13")]
    pub last_seen_up: Field<Option<DateTime>>,
    /// Whether something outside of nova says that it is down.
    #[object(since = "1.14")]
    pub forced_down: Field<bool>,
    /// The service version, which has nothing to do with the object's.
    #[object(since = "1.16")]
    pub version: Field<i64>,
    /// When it was created.
    pub created_at: Field<Option<DateTime>>,
    /// When it was last written.
    pub updated_at: Field<Option<DateTime>>,
    /// When it was deleted.
    pub deleted_at: Field<Option<DateTime>>,
    /// Whether it was deleted.
    #[object(default = false)]
    pub deleted: Field<bool>,
}

/// `ServiceList` 1.19.
#[derive(Debug, Clone, PartialEq, Default, VersionedObject)]
#[object(name = "ServiceList", version = "1.19", namespace = NOVA, list, crate = crate)]
pub struct ServiceList {
    #[object(header)]
    header: Header,
    /// The services.
    pub objects: Field<Vec<Service>>,
}
