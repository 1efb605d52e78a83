//! nova's services: their life, their registration and heartbeat, and what each of them serves.
//!
//! A [`Manager`] is what runs; a [`NovaService`] registers it with the conductor, serves its topic and keeps its
//! heartbeat. Everything that a service without access to the database asks for goes through a [`ConductorApi`].

mod base_rpc;
mod builder;
mod conductor;
mod heartbeat;
mod in_flight;
mod manager;
mod options;
mod record;
mod records;
mod registration;
mod service;
mod servicegroup;
mod settings;
#[cfg(test)]
mod stand_in;

pub use base_rpc::{BaseApi, BaseRpcApi, Pong};
pub use builder::{CreateError, NovaServiceBuilder};
pub use conductor::ConductorApi;
pub use in_flight::{InFlight, InFlightCall};
pub use manager::Manager;
pub use options::{CONTROL_EXCHANGE, OPTIONS, UpgradeLevelError, upgrade_level};
pub use record::ServiceRecord;
pub use records::{RecordError, ServiceRecords};
pub use service::NovaService;
pub use servicegroup::{DbDriver, ServiceGroup};
pub use settings::{NovaSettings, SettingsError};

/// The version of nova 34.0.0's own services: what a service registers with unless it says otherwise.
///
/// It stands for what a service can do. Other services of nova refuse to start beside a `nova-compute` that says too
/// little, and send it what it can not do if it says too much.
pub const SERVICE_VERSION: i64 = 74;

/// The oldest `nova-compute` that nova 34.0.0 starts beside.
pub const OLDEST_SUPPORTED_SERVICE_VERSION: i64 = 72;
