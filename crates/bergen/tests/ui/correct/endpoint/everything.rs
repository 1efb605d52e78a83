//! Every key at once, on a generic endpoint with ordinary methods beside the exposed ones.

use std::sync::atomic::{AtomicU32, Ordering};

use bergen::rpc::{Context, RpcError, endpoint};

struct Compute<S> {
    store: S,
    reboots: AtomicU32,
}

trait Store: Send + Sync + 'static {
    fn has(&self, instance: &str) -> bool;
}

#[derive(Debug, RpcError)]
#[rpc(module = "nova.exception")]
enum ComputeError {
    #[rpc(class = "InstanceNotFound", message = "Instance {instance_id} could not be found.")]
    NotFound { instance_id: String },
    #[rpc(module = "builtins", class = "ValueError", message = "{0}")]
    Invalid(String),
}

#[endpoint(namespace = "compute", version = "1.3", legacy_namespaces = ["old", "older"])]
impl<S> Compute<S>
where
    S: Store,
{
    pub fn new(store: S) -> Self {
        Self { store, reboots: AtomicU32::new(0) }
    }

    /// Reboots an instance.
    #[rpc(version = "1.1", expected(NotFound))]
    async fn reboot(
        &self,
        _ctxt: &Context,
        instance: &str,
        #[rpc(default)] hard: bool,
        #[rpc(default = 3)] attempts: u32,
        #[rpc(name = "type")] kind: Option<String>,
    ) -> Result<u32, ComputeError> {
        let _ = (hard, attempts, kind);
        if !self.store.has(instance) {
            return Err(ComputeError::NotFound { instance_id: instance.to_owned() });
        }
        Ok(self.reboots.fetch_add(1, Ordering::Relaxed) + 1)
    }

    #[rpc(name = "object_class_action_versions", version = "1.2.1", expected)]
    async fn versions(&self, r#type: Vec<String>) -> Result<(), ComputeError> {
        Err(ComputeError::Invalid(r#type.concat()))
    }

    #[rpc]
    async fn refresh(&self, mut host: String) {
        host.clear();
    }

    #[cfg(any())]
    #[rpc]
    async fn not_compiled(&self, gone: Gone) {}
}

fn main() {
    struct Nothing;
    impl Store for Nothing {
        fn has(&self, _instance: &str) -> bool {
            false
        }
    }
    let compute = Compute::new(Nothing);
    assert_eq!(bergen::rpc::Endpoint::methods(&compute).len(), 3);
}
