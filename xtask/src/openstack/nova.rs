use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bergen_testbed::{Management, free_ports};
use serde_json::{Value, json};

use super::api::{Api, uwsgi};
use super::control_plane::{READY, consumed};
use super::install::Installation;
use super::{Daemon, Place};
use crate::Error;
use crate::command::quiet;

/// How long a service counts as up after its last heartbeat, in whole seconds (nova's
/// `service_down_time`, 60 by default). The services of the tests report each second.
pub(super) const DOWN_TIME: u64 = 6;

/// nova's API and its conductor.
pub(super) struct Nova {
    api: Api,
    server: Daemon,
    conductor: Daemon,
    /// `nova-manage`, and its configuration.
    manage: [PathBuf; 2],
}

impl Nova {
    /// Starts both; [`Nova::ready`] waits for them.
    pub(super) fn start(
        installation: &Installation,
        place: &Place,
        transport_url: &str,
    ) -> Result<Self, Error> {
        let environment = &installation.nova;
        let file = configure(environment, place, transport_url)?;
        let mut conductor = Command::new(environment.join("bin/nova-conductor"));
        conductor.arg("--config-file").arg(&file);
        let [port] = free_ports()?;
        let mut server = uwsgi(environment, port, "nova.wsgi.osapi_compute:application");
        server
            .arg("--pythonpath")
            .arg(place.etc())
            .env("OS_NOVA_CONFIG_DIR", place.etc())
            .env("OS_NOVA_CONFIG_FILES", "api-paste.ini;nova.conf");
        Ok(Self {
            api: Api::new(format!("http://127.0.0.1:{port}/v2.1")),
            server: Daemon::start("nova-api", server, place)?,
            conductor: Daemon::start("nova-conductor", conductor, place)?,
            manage: [environment.join("bin/nova-manage"), file],
        })
    }

    /// Waits until the API answers and the conductor serves its queue.
    pub(super) async fn ready(&mut self, management: &Management) -> Result<(), Error> {
        let api = &self.api;
        self.server
            .until(READY, async || api.get("os-services"))
            .await?;
        self.conductor
            .until(READY, async || consumed(management, "conductor").await)
            .await
    }

    /// The address of the API.
    pub(super) fn url(&self) -> &str {
        self.api.base()
    }

    /// What the API's list of services says of a host's `nova-compute`.
    pub(super) fn compute(&self, host: &str) -> Result<Value, Error> {
        let path = format!("os-services?binary=nova-compute&host={host}");
        let answer = self.api.get(&path)?;
        let service = answer.pointer("/services/0").cloned();
        service.ok_or_else(|| Error::Wrong(format!("nova lists no nova-compute on {host}")))
    }

    /// Tells nova in which cell its computes are; before that, it cannot send them anything.
    pub(super) fn map_hosts(&self) -> Result<(), Error> {
        let [program, file] = &self.manage;
        let mut command = Command::new(program);
        command.arg("--config-file").arg(file);
        quiet(command.args(["cell_v2", "discover_hosts", "--by-service"]))?;
        Ok(())
    }

    /// Lets nova place nothing more on a host, or place there again. nova then calls the compute
    /// service, which has to answer.
    pub(super) fn set_enabled(&self, host: &str, enabled: bool) -> Result<(), Error> {
        let act = if enabled { "enable" } else { "disable" };
        let body = json!({"host": host, "binary": "nova-compute"});
        let answer = self.api.put(&format!("os-services/{act}"), &body)?;
        // Its user gets the same answer when the call failed.
        if self
            .server
            .said()
            .contains("An error occurred while updating")
        {
            return Err(Error::Wrong(format!(
                "nova answered {answer}, but its log says that the call to {host} failed"
            )));
        }
        Ok(())
    }
}

/// Writes nova's configuration files.
pub(super) fn configure(
    environment: &Path,
    place: &Place,
    transport_url: &str,
) -> Result<PathBuf, Error> {
    let values = [
        ("transport_url", transport_url.to_owned()),
        ("state", place.state().display().to_string()),
        ("socket", place.socket().display().to_string()),
        ("down_time", DOWN_TIME.to_string()),
    ];
    // nova's own pipeline, but for the filter that would ask Keystone who it is.
    let original = environment.join("etc/nova/api-paste.ini");
    let pipeline = fs::read_to_string(&original).map_err(Error::file(&original))?;
    let keystone = "keystonemiddleware.auth_token:filter_factory";
    let pipeline = pipeline.replace(keystone, "everybody_is_admin:filter_factory");
    place.write("api-paste.ini", &pipeline, &[])?;
    let filter = include_str!("../../../testbed/openstack/everybody_is_admin.py");
    place.write("everybody_is_admin.py", filter, &[])?;
    let template = include_str!("../../../testbed/openstack/nova.conf");
    place.write("nova.conf", template, &values)
}
