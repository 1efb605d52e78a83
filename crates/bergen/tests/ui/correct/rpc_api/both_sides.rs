//! One trait, two sides.

use bergen::rpc::{Context, Endpoint, RpcError, rpc_api};

#[derive(Debug, RpcError)]
#[rpc(module = "nova.exception")]
pub enum ComputeError {
    #[rpc(class = "InstanceNotFound", message = "Instance {instance_id} could not be found.")]
    NotFound { instance_id: String },
}

#[rpc_api(namespace = "compute", version = "1.3")]
pub trait ComputeApi {
    /// Reboots an instance.
    #[rpc(version = "1.1", expected(NotFound))]
    async fn reboot(
        &self,
        ctxt: &Context,
        instance: &str,
        #[rpc(default)] hard: bool,
    ) -> Result<u32, ComputeError>;

    async fn uptime(&self) -> f64;

    #[rpc(cast)]
    async fn refresh(&self, ctxt: &Context, host: String);

    /// A method with a body need not be implemented.
    async fn provided(&self, ctxt: &Context) -> f64 {
        let _ = ctxt;
        self.uptime().await * 2.0
    }
}

struct Compute;

impl ComputeApi for Compute {
    async fn reboot(&self, _: &Context, instance: &str, _: bool) -> Result<u32, ComputeError> {
        Err(ComputeError::NotFound { instance_id: instance.to_owned() })
    }

    async fn uptime(&self) -> f64 {
        1.5
    }

    async fn refresh(&self, _: &Context, _: String) {}
}

async fn calls(client: ComputeApiClient, ctxt: Context) {
    let _: Result<f64, _> = client.uptime().await;
    let _: Result<u32, _> = client.with_server("node1").reboot(&ctxt, "i-1", false).await;
    let _: Result<(), _> = client.fanout().refresh(&ctxt, "node1".to_owned()).await;
}

fn main() {
    let endpoint = ComputeApiEndpoint::new(Compute);
    assert_eq!(endpoint.methods().len(), ComputeApiClient::METHODS.len());
    let _ = calls;
}
