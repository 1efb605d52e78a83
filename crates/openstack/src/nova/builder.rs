//! How a service of nova is made.

use std::fmt;
use std::sync::{Arc, OnceLock};

use bergen_config::Options;
use bergen_messaging::rpc::CallError;
use bergen_messaging::transport::RpcTransport;
use bergen_messaging::wire::Context;
use bergen_service::{BackdoorPort, TaskGroup};

use super::registration::Identity;
use super::{
    ConductorApi, DbDriver, InFlight, Manager, NovaService, NovaSettings,
    OLDEST_SUPPORTED_SERVICE_VERSION, RecordError, SERVICE_VERSION, ServiceGroup, ServiceRecords,
    SettingsError,
};
use crate::context::RequestContext;
use crate::objects::{self, ObjectSerializer};

/// The settings of a [`NovaService`]. Its defaults are nova's.
#[derive(Clone)]
#[must_use]
pub struct NovaServiceBuilder {
    pub(super) transport: RpcTransport,
    binary: String,
    topic: Option<String>,
    pub(super) alternative_topic: Option<String>,
    version: i64,
    pub(super) settings: NovaSettings,
    pub(super) backdoor_port: Option<BackdoorPort>,
    records: Option<Arc<dyn ServiceRecords>>,
    servicegroup: Option<Arc<dyn ServiceGroup>>,
    serializer: Option<ObjectSerializer>,
}

impl NovaServiceBuilder {
    pub(super) fn new(transport: &RpcTransport, binary: String) -> Self {
        Self {
            transport: transport.clone(),
            binary,
            topic: None,
            alternative_topic: None,
            version: SERVICE_VERSION,
            settings: NovaSettings::default(),
            backdoor_port: None,
            records: None,
            servicegroup: None,
            serializer: None,
        }
    }

    /// Takes the settings from the configuration, which declares [`OPTIONS`](super::OPTIONS).
    ///
    /// # Errors
    /// One of them can not be read.
    pub fn options(self, options: &Options) -> Result<Self, SettingsError> {
        Ok(self.settings(NovaSettings::from_options(options)?))
    }

    /// Takes these settings.
    pub fn settings(mut self, settings: NovaSettings) -> Self {
        self.settings = settings;
        self
    }

    /// Serves this topic. Default: the binary's name after `nova-`.
    pub fn topic(mut self, topic: impl Into<String>) -> Self {
        self.topic = Some(topic.into());
        self
    }

    /// Also serves this topic, with the same endpoints, until the manager has shut down: nova-compute has `compute-alt`,
    /// by which it is reached for what it finishes. Default: none.
    pub fn alternative_topic(mut self, topic: impl Into<String>) -> Self {
        self.alternative_topic = Some(topic.into());
        self
    }

    /// Registers with this version. It has to be honest. Default: [`SERVICE_VERSION`].
    pub fn service_version(mut self, version: i64) -> Self {
        self.version = version;
        self
    }

    /// Where the process's backdoor is, which the base API tells. Default: none.
    pub fn backdoor_port(mut self, port: Option<BackdoorPort>) -> Self {
        self.backdoor_port = port;
        self
    }

    /// Keeps its record there itself, and does not wait for a conductor: for services that have access to the database.
    /// Default: the conductor keeps it.
    pub fn records(mut self, records: impl ServiceRecords) -> Self {
        self.records = Some(Arc::new(records));
        self
    }

    /// Joins this servicegroup. Default: [`DbDriver`].
    pub fn servicegroup(mut self, servicegroup: impl ServiceGroup) -> Self {
        self.servicegroup = Some(Arc::new(servicegroup));
        self
    }

    /// Receives the objects that this serializer knows. Default: those of [`objects::nova`], backported by the conductor
    /// if there is one.
    pub fn serializer(mut self, serializer: ObjectSerializer) -> Self {
        self.serializer = Some(serializer);
        self
    }

    /// Makes the service: first it waits for a conductor, then the manager is made, for the host that its servers are
    /// named by; then it is checked that every `nova-compute` that is registered is new enough.
    ///
    /// # Errors
    /// See [`CreateError`].
    pub async fn create<M: Manager>(
        self,
        manager: impl FnOnce(&str) -> M,
    ) -> Result<NovaService<M>, CreateError> {
        let Some(name) = self.binary.strip_prefix("nova-") else {
            return Err(CreateError::InvalidBinary {
                binary: self.binary,
            });
        };
        let topic = self.topic.clone().unwrap_or_else(|| name.to_owned());
        let servicegroup = self
            .servicegroup
            .clone()
            .unwrap_or_else(|| Arc::new(DbDriver::new(&self.settings)));
        let ctxt = RequestContext::admin_nova().to_wire();
        let (records, serializer) = self.peers(&ctxt).await?;
        let manager = Arc::new(manager(self.transport.host()));
        match records.minimum_version(&ctxt, "nova-compute").await? {
            version if version > 0 && version < OLDEST_SUPPORTED_SERVICE_VERSION => {
                return Err(CreateError::TooOldCompute { version });
            }
            _ => {}
        }
        let identity = Identity {
            host: self.transport.host().to_owned(),
            binary: self.binary.clone(),
            topic,
            version: self.version,
        };
        Ok(NovaService {
            manager,
            identity,
            records,
            servicegroup,
            serializer,
            in_flight: InFlight::default(),
            tasks: TaskGroup::new(),
            settings: self,
            record: OnceLock::new(),
            server: OnceLock::new(),
            alternative: OnceLock::new(),
            periodic: OnceLock::new(),
        })
    }

    /// Where the record is kept, and who reads the objects that come.
    async fn peers(
        &self,
        ctxt: &Context,
    ) -> Result<(Arc<dyn ServiceRecords>, ObjectSerializer), CallError> {
        let own = self.serializer.clone();
        let known = || ObjectSerializer::new(objects::nova::registry());
        if let Some(records) = &self.records {
            return Ok((Arc::clone(records), own.unwrap_or_else(known)));
        }
        let conductor = ConductorApi::new(&self.transport, &self.settings);
        conductor.wait_for_conductor(ctxt).await?;
        let serializer =
            own.unwrap_or_else(|| known().with_backporter(conductor.objects().clone()));
        Ok((Arc::new(conductor), serializer))
    }
}

impl fmt::Debug for NovaServiceBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NovaServiceBuilder")
            .field("binary", &self.binary)
            .field("topic", &self.topic)
            .field("alternative_topic", &self.alternative_topic)
            .field("version", &self.version)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// Why a service could not be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// nova refuses records of other names.
    #[error("{binary:?} is no name of a service of nova; give it one that starts with nova-")]
    InvalidBinary {
        /// The name.
        binary: String,
    },
    /// A `nova-compute` is registered that is too old; nova's `TooOldComputeService`.
    #[error(
        "there is a nova-compute of version {version}, older than {OLDEST_SUPPORTED_SERVICE_VERSION}; upgrade it, or \
         delete its record if it is gone"
    )]
    TooOldCompute {
        /// The lowest version that is registered.
        version: i64,
    },
    /// The conductor can not be asked.
    #[error(transparent)]
    Conductor(#[from] CallError),
    /// The records can not be asked.
    #[error(transparent)]
    Records(#[from] RecordError),
}
