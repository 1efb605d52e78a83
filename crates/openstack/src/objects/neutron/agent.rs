//! An agent of neutron, as the server knows it.

use std::collections::BTreeMap;

use bergen_messaging::wire::RawJson;
use bergen_messaging::wire::convert::{DateTime, Uuid};

use crate::objects::{Field, Header, JsonText, NEUTRON, VersionedObject};

/// `Agent` 1.1.
#[derive(Debug, Clone, PartialEq, Default, VersionedObject)]
#[object(name = "Agent", version = "1.1", namespace = NEUTRON, absent_defaults, crate = crate)]
pub struct Agent {
    #[object(header)]
    header: Header,
    /// Its UUID.
    pub id: Field<Uuid>,
    /// For example `L3 agent`.
    pub agent_type: Field<String>,
    /// For example `neutron-l3-agent`.
    pub binary: Field<String>,
    /// The topic it listens on.
    pub topic: Field<String>,
    /// The host it runs on.
    pub host: Field<String>,
    /// Its availability zone.
    pub availability_zone: Field<Option<String>>,
    /// Whether an operator has it enabled.
    #[object(default = true)]
    pub admin_state_up: Field<bool>,
    /// When it started.
    pub started_at: Field<DateTime>,
    /// When it first reported.
    pub created_at: Field<DateTime>,
    /// When it last reported.
    pub heartbeat_timestamp: Field<DateTime>,
    /// An operator's words.
    pub description: Field<Option<String>>,
    /// What the agent tells of itself.
    pub configurations: Field<Option<JsonText<BTreeMap<String, RawJson>>>>,
    /// Versions of the objects it takes, by class.
    pub resource_versions: Field<Option<JsonText<BTreeMap<String, RawJson>>>>,
    /// How much it has to do.
    #[object(default = 0)]
    pub load: Field<i64>,
    /// Whether it has all its resources.
    pub resources_synced: Field<Option<bool>>,
}
