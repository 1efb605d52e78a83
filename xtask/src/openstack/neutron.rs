use std::path::{Path, PathBuf};
use std::process::Command;

use bergen_testbed::free_ports;
use serde_json::{Value, json};

use super::api::{Api, uwsgi};
use super::control_plane::{READY, consumed};
use super::install::Installation;
use super::{Daemon, Place};
use crate::Error;

/// How long an agent counts as alive after its last report, in whole seconds (neutron's
/// `agent_down_time`, 75 by default). The agents of the tests report each second.
pub(super) const DOWN_TIME: u64 = 6;

/// neutron's API and the program that speaks with the agents.
pub(super) struct Neutron {
    api: Api,
    server: Daemon,
    rpc: Daemon,
}

impl Neutron {
    /// Starts both; [`Neutron::ready`] waits for them.
    pub(super) fn start(
        installation: &Installation,
        place: &Place,
        transport_url: &str,
    ) -> Result<Self, Error> {
        let environment = &installation.neutron;
        let file = configure(environment, place, transport_url)?;
        let mut rpc = Command::new(environment.join("bin/neutron-rpc-server"));
        rpc.arg("--config-file").arg(&file);
        let [port] = free_ports()?;
        let mut server = uwsgi(environment, port, "neutron.wsgi.api:application");
        server
            .env("OS_NEUTRON_CONFIG_DIR", place.etc())
            .env("OS_NEUTRON_CONFIG_FILES", "neutron.conf");
        Ok(Self {
            api: Api::new(format!("http://127.0.0.1:{port}/v2.0")),
            server: Daemon::start("neutron-api", server, place)?,
            rpc: Daemon::start("neutron-rpc-server", rpc, place)?,
        })
    }

    /// Waits until the API answers and the agents' queues are served.
    pub(super) async fn ready(
        &mut self,
        management: &bergen_testbed::Management,
    ) -> Result<(), Error> {
        let api = &self.api;
        self.server.until(READY, async || api.get("agents")).await?;
        for queue in ["q-reports-plugin", "q-l3-plugin"] {
            self.rpc
                .until(READY, async || consumed(management, queue).await)
                .await?;
        }
        Ok(())
    }

    /// The address of the API.
    pub(super) fn url(&self) -> &str {
        self.api.base()
    }

    /// What the API says of a host's L3 agent.
    pub(super) fn l3_agent(&self, host: &str) -> Result<Value, Error> {
        let path = format!("agents?agent_type=L3%20agent&host={host}");
        let answer = self.api.get(&path)?;
        let agent = answer.pointer("/agents/0").cloned();
        agent.ok_or_else(|| Error::Wrong(format!("neutron knows no L3 agent on {host}")))
    }

    /// Makes a router; its id.
    pub(super) fn create_router(&self, name: &str) -> Result<String, Error> {
        self.create("router", json!({"name": name}))
    }

    /// Makes a network with a subnet; the subnet's id.
    pub(super) fn create_subnet(&self, cidr: &str) -> Result<String, Error> {
        let network = self.create("network", json!({"name": "net"}))?;
        self.create(
            "subnet",
            json!({"network_id": network, "ip_version": 4, "cidr": cidr}),
        )
    }

    /// Schedules a router to an agent, which neutron calls and whose answer it waits for.
    pub(super) fn schedule(&self, agent: &str, router: &str) -> Result<(), Error> {
        let path = format!("agents/{agent}/l3-routers");
        self.api.post(&path, &json!({"router_id": router}))?;
        Ok(())
    }

    /// Takes a router from an agent.
    pub(super) fn unschedule(&self, agent: &str, router: &str) -> Result<(), Error> {
        let path = format!("agents/{agent}/l3-routers/{router}");
        self.api.delete(&path)
    }

    /// Gives a router a foot in a subnet, or takes it away.
    pub(super) fn interface(
        &self,
        router: &str,
        act: Interface,
        subnet: &str,
    ) -> Result<(), Error> {
        let act = match act {
            Interface::Add => "add_router_interface",
            Interface::Remove => "remove_router_interface",
        };
        let path = format!("routers/{router}/{act}");
        self.api.put(&path, &json!({"subnet_id": subnet}))?;
        Ok(())
    }

    pub(super) fn delete_router(&self, router: &str) -> Result<(), Error> {
        self.api.delete(&format!("routers/{router}"))
    }

    fn create(&self, kind: &str, mut what: Value) -> Result<String, Error> {
        if let Some(what) = what.as_object_mut() {
            what.insert("project_id".to_owned(), json!("bergen"));
        }
        let answer = self.api.post(&format!("{kind}s"), &json!({kind: what}))?;
        let id = answer
            .pointer(&format!("/{kind}/id"))
            .and_then(Value::as_str);
        let id = id.ok_or_else(|| Error::Wrong(format!("a new {kind} has no id: {answer}")))?;
        Ok(id.to_owned())
    }
}

/// What [`Neutron::interface`] does.
#[derive(Clone, Copy)]
pub(super) enum Interface {
    Add,
    Remove,
}

/// Writes neutron's configuration file.
pub(super) fn configure(
    environment: &Path,
    place: &Place,
    transport_url: &str,
) -> Result<PathBuf, Error> {
    let values = [
        ("transport_url", transport_url.to_owned()),
        ("environment", environment.display().to_string()),
        ("state", place.state().display().to_string()),
        ("socket", place.socket().display().to_string()),
        ("down_time", DOWN_TIME.to_string()),
    ];
    let template = include_str!("../../../testbed/openstack/neutron.conf");
    place.write("neutron.conf", template, &values)
}
