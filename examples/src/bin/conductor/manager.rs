//! What the conductor serves.

use std::sync::Arc;

use bergen::openstack::nova::Manager;
use bergen::rpc::{Endpoint, endpoint};

use super::api::ConductorApi;
use super::database::Database;

pub(crate) struct ConductorManager {
    api: Arc<ConductorApi>,
}

impl ConductorManager {
    pub(crate) fn new(database: Database) -> Self {
        Self {
            api: Arc::new(ConductorApi::new(database)),
        }
    }
}

impl Manager for ConductorManager {
    fn service_name(&self) -> &'static str {
        "conductor"
    }

    fn endpoints(self: Arc<Self>) -> Vec<Arc<dyn Endpoint>> {
        vec![Arc::clone(&self.api) as Arc<dyn Endpoint>]
    }

    fn additional_endpoints(self: Arc<Self>) -> Vec<Arc<dyn Endpoint>> {
        vec![Arc::new(ComputeTaskApi)]
    }
}

/// The second API, which nova's API and scheduler use. Its methods may have the names of the first one's.
struct ComputeTaskApi;

#[endpoint(namespace = "compute_task", version = "1.26")]
impl ComputeTaskApi {
    /// Has the hosts of an aggregate fetch images. There are none here, so each is answered with nothing.
    #[rpc(version = "1.21")]
    async fn cache_images(&self, image_ids: Vec<String>) {
        tracing::info!(
            images = image_ids.len(),
            "there are no hosts to fetch images"
        );
    }
}
