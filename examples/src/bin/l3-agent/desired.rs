//! The routers that this host is to have, in a file.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;

use bergen::openstack::neutron::l3::Router;
use bergen::service::ServiceError;
use bergen_examples::failed;

/// Stands where another agent has namespaces, ports and rules: what is to be is written down, and what would be done about
/// it is logged.
pub(crate) struct Desired {
    file: PathBuf,
    routers: BTreeMap<String, Router>,
}

impl Desired {
    /// What the file says; nothing if there is none.
    pub(crate) fn open(file: PathBuf) -> Result<Self, ServiceError> {
        let routers = match std::fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| {
                ServiceError::new(format!(
                    "{} is not what this agent writes: {error}; remove it",
                    file.display()
                ))
            })?,
            Err(error) if error.kind() == ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(failed(error)),
        };
        Ok(Self { file, routers })
    }

    pub(crate) fn set(&mut self, router: Router) -> Result<(), ServiceError> {
        if self.routers.get(&router.id) == Some(&router) {
            return Ok(());
        }
        let interfaces = router.interfaces.as_deref().unwrap_or_default();
        let macs: Vec<_> = interfaces
            .iter()
            .filter_map(|port| port.mac_address.as_deref())
            .collect();
        tracing::info!(
            "would make namespace qrouter-{} for {:?} with interfaces {macs:?}",
            router.id,
            router.name.as_deref().unwrap_or_default(),
        );
        self.routers.insert(router.id.clone(), router);
        self.save()
    }

    pub(crate) fn remove(&mut self, id: &str) -> Result<(), ServiceError> {
        if self.routers.remove(id).is_none() {
            return Ok(());
        }
        tracing::info!("would remove namespace qrouter-{id}");
        self.save()
    }

    /// The routers that are here and not among these.
    pub(crate) fn except(&self, ids: &[String]) -> Vec<String> {
        let others = self.routers.keys().filter(|id| !ids.contains(id));
        others.cloned().collect()
    }

    /// The routers with a port on this network.
    pub(crate) fn on_network(&self, network: &str) -> Vec<String> {
        let with_port = self.routers.values().filter(|router| {
            let interfaces = router.interfaces.iter().flatten();
            let mut ports = interfaces.chain(&router.gw_port);
            ports.any(|port| port.network_id.as_deref() == Some(network))
        });
        with_port.map(|router| router.id.clone()).collect()
    }

    /// What the agent reports.
    pub(crate) fn counts(&self) -> [(&'static str, usize); 4] {
        let routers = self.routers.values();
        let of = |ports: &Option<Vec<_>>| ports.as_ref().map_or(0, Vec::len);
        let floating_ips = routers
            .clone()
            .map(|router| router.floatingips.as_ref().map_or(0, Vec::len));
        [
            ("routers", self.routers.len()),
            (
                "ex_gw_ports",
                routers
                    .clone()
                    .filter(|router| router.gw_port.is_some())
                    .count(),
            ),
            (
                "interfaces",
                routers.map(|router| of(&router.interfaces)).sum(),
            ),
            ("floating_ips", floating_ips.sum()),
        ]
    }

    /// Written beside and renamed, so that the file is whole at any time.
    fn save(&self) -> Result<(), ServiceError> {
        let text = serde_json::to_vec_pretty(&self.routers).map_err(failed)?;
        let beside = self.file.with_extension("new");
        std::fs::write(&beside, text).map_err(failed)?;
        std::fs::rename(&beside, &self.file).map_err(failed)
    }
}
