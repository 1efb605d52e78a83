use std::time::Duration;

use serde_json::Value;

use super::checks::Checks;
use super::control_plane::ControlPlane;
use super::daemon::until;
use super::neutron::{DOWN_TIME, Interface};
use super::reference::Reference;
use crate::Error;

/// How long a change may take until the agent has it and has said so in its next report.
const ARRIVAL: Duration = Duration::from_secs(15);

/// How long the agent may take to be alive, or to count as dead.
const LIFE: Duration = Duration::from_secs(40 + DOWN_TIME);

/// The agent comes to life, and what is done with routers reaches it. False when it never came to
/// life.
pub(super) async fn lives(
    checks: &mut Checks,
    plane: &ControlPlane,
    agent: &mut Reference,
) -> bool {
    let alive = is(plane, agent, true, LIFE);
    let alive = checks.check("L3 agent: alive in neutron's list", alive);
    let Some(id) = alive.await else {
        return false;
    };
    let name = "L3 agent: its row in the database is complete, its heartbeat moves";
    checks.check(name, heartbeat(plane, agent)).await;
    let prepared = checks.check("neutron: makes a subnet and two routers", async {
        prepare(plane)
    });
    if let Some(prepared) = prepared.await {
        routers(checks, plane, agent, &id, &prepared).await;
    }
    true
}

/// Does everything with routers; that the agent has heard of it, neutron itself shows, in the
/// counts that the agent reports.
async fn routers(
    checks: &mut Checks,
    plane: &ControlPlane,
    agent: &mut Reference,
    id: &str,
    Prepared { subnet, routers }: &Prepared,
) {
    let neutron = &plane.neutron;
    let [first, second] = routers;
    let steps: [Step<'_>; 7] = [
        (
            "a router scheduled to it is answered for, and arrives",
            &|| neutron.schedule(id, first),
            (1, 0),
        ),
        (
            "an update arrives, the router has an interface",
            &|| neutron.interface(first, Interface::Add, subnet),
            (1, 1),
        ),
        (
            "another router arrives",
            &|| neutron.schedule(id, second),
            (2, 1),
        ),
        (
            "a router taken from it leaves",
            &|| neutron.unschedule(id, second),
            (1, 1),
        ),
        (
            "and arrives again",
            &|| neutron.schedule(id, second),
            (2, 1),
        ),
        (
            "an update arrives, the interface is gone",
            &|| neutron.interface(first, Interface::Remove, subnet),
            (2, 0),
        ),
        ("a delete arrives", &|| neutron.delete_router(first), (1, 0)),
    ];
    for (name, act, counts) in steps {
        let arrives = async {
            act()?;
            reports(plane, agent, counts).await
        };
        checks.check(&format!("L3 agent: {name}"), arrives).await;
    }
}

/// A stopped agent turns dead; one that is started again is alive, and fetches what it had.
pub(super) async fn ends(checks: &mut Checks, plane: &ControlPlane, agent: &mut Reference) {
    checks
        .check("L3 agent: ends in order on SIGTERM", agent.stop())
        .await;
    let dead = until(LIFE, async || state(plane, agent.host(), false));
    checks
        .check("L3 agent: then neutron's list shows it dead", dead)
        .await;
    let again = async {
        agent.again(&plane.place)?;
        is(plane, agent, true, LIFE).await?;
        reports(plane, agent, (1, 0)).await
    };
    checks
        .check(
            "L3 agent: started again it is alive, and has its router",
            again,
        )
        .await;
}

/// Waits until the list shows the agent alive or not; its id.
pub(super) async fn is(
    plane: &ControlPlane,
    agent: &mut Reference,
    alive: bool,
    limit: Duration,
) -> Result<String, Error> {
    let host = agent.host();
    agent.until(limit, async || state(plane, host, alive)).await
}

/// What the routers are made of; the agent knows none of it yet.
struct Prepared {
    subnet: String,
    routers: [String; 2],
}

/// What is done through neutron's API, and how many routers and interfaces the agent has to report
/// then.
type Step<'a> = (&'static str, &'a dyn Fn() -> Result<(), Error>, (u64, u64));

fn prepare(plane: &ControlPlane) -> Result<Prepared, Error> {
    let neutron = &plane.neutron;
    Ok(Prepared {
        subnet: neutron.create_subnet("10.20.30.0/24")?,
        routers: [
            neutron.create_router("first")?,
            neutron.create_router("second")?,
        ],
    })
}

async fn reports(
    plane: &ControlPlane,
    agent: &mut Reference,
    (routers, interfaces): (u64, u64),
) -> Result<(), Error> {
    let host = agent.host();
    let look = async || {
        let shown = plane.neutron.l3_agent(host)?;
        let count = |name: &str| shown.pointer(&format!("/configurations/{name}"))?.as_u64();
        if count("routers") == Some(routers) && count("interfaces") == Some(interfaces) {
            return Ok(());
        }
        let counts = shown.get("configurations").unwrap_or(&Value::Null);
        Err(Error::Wrong(format!(
            "wanted are {routers} routers and {interfaces} interfaces, the agent reports {counts}"
        )))
    };
    agent.until(ARRIVAL, look).await
}

async fn heartbeat(plane: &ControlPlane, agent: &mut Reference) -> Result<(), Error> {
    let statement = format!(
        "select heartbeat_timestamp from agents where host = '{}' and agent_type = 'L3 agent' and \
         `binary` = 'neutron-l3-agent' and topic = 'l3_agent' and admin_state_up",
        agent.host()
    );
    let look = || {
        let rows = plane.database.query("neutron", &statement)?;
        let stamp = rows.pointer("/0/heartbeat_timestamp").cloned();
        stamp.ok_or_else(|| Error::Wrong("the database has no such agent".to_owned()))
    };
    let first = look()?;
    let moved = async || match look()? {
        stamp if stamp == first => Err(Error::Wrong(format!("the last heartbeat is {first}"))),
        _ => Ok(()),
    };
    agent.until(ARRIVAL, moved).await
}

/// The agent's id, if the list shows it alive or dead as wanted.
fn state(plane: &ControlPlane, host: &str, alive: bool) -> Result<String, Error> {
    let agent = plane.neutron.l3_agent(host)?;
    let id = agent.get("id").and_then(Value::as_str);
    match id {
        Some(id) if agent.get("alive") == Some(&Value::Bool(alive)) => Ok(id.to_owned()),
        _ => Err(Error::Wrong(format!("neutron shows {agent}"))),
    }
}
