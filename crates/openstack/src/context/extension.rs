//! What nova and neutron add to a context.

use bergen_messaging::wire::RawJson;
use bergen_messaging::wire::convert::DateTime;
use serde::{Deserialize, Serialize};

use super::timestamp;

/// Whose context it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Extension {
    /// That of oslo.context alone.
    #[default]
    None,
    /// nova's.
    Nova(NovaContext),
    /// neutron's.
    Neutron(NeutronContext),
}

/// What nova adds.
#[derive(Clone, PartialEq)]
pub struct NovaContext {
    /// Which rows of the database the request sees.
    pub read_deleted: ReadDeleted,
    /// The address that the user came from.
    pub remote_address: Option<String>,
    /// When the request began.
    pub timestamp: DateTime,
    /// The class of quotas.
    pub quota_class: Option<String>,
    /// The entries of the user's catalogue that nova needs, as Keystone wrote them. A secret, of sorts.
    pub service_catalog: Vec<RawJson>,
}

/// Begun now.
impl Default for NovaContext {
    fn default() -> Self {
        Self {
            read_deleted: ReadDeleted::No,
            remote_address: None,
            timestamp: DateTime::now(),
            quota_class: None,
            service_catalog: Vec::new(),
        }
    }
}

/// What neutron adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeutronContext {
    /// When the request began, as text that nobody reads.
    pub timestamp: String,
    /// Whether the request sees all projects; `None` is not sent, as by neutron-lib before 3.21. The server works it
    /// out anew.
    pub has_global_access: Option<bool>,
    /// Whether the request may name a project; `None` is not sent, as by neutron-lib before 3.23.
    pub can_set_project_id: Option<bool>,
}

/// Begun now.
impl Default for NeutronContext {
    fn default() -> Self {
        Self {
            timestamp: timestamp::neutron(DateTime::now()),
            has_global_access: Some(false),
            can_set_project_id: Some(false),
        }
    }
}

/// Which rows nova reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadDeleted {
    /// Those that are not deleted.
    #[default]
    No,
    /// All.
    Yes,
    /// Those that are deleted.
    Only,
}
