use std::time::Duration;

use serde_json::Value;

use super::checks::Checks;
use super::control_plane::ControlPlane;
use super::daemon::until;
use super::nova::DOWN_TIME;
use super::reference::Reference;
use crate::Error;

/// How long the service may take to be up, or to count as down.
const LIFE: Duration = Duration::from_secs(40 + DOWN_TIME);

/// The version that nova 34's own computes register with. Below what others have, nova refuses a
/// service.
const VERSION: u64 = 74;

/// The service comes up, and its heartbeats are counted. False when it never came up.
pub(super) async fn lives(
    checks: &mut Checks,
    plane: &ControlPlane,
    compute: &mut Reference,
) -> bool {
    let up = is(plane, compute, "up", LIFE);
    if checks
        .check("compute: up in nova's list", up)
        .await
        .is_none()
    {
        return false;
    }
    let registered = async {
        let row = row(plane, compute.host())?;
        match row.get("version").and_then(Value::as_u64) {
            Some(VERSION) => Ok(()),
            _ => Err(Error::Wrong(format!("the database has {row}"))),
        }
    };
    checks
        .check(
            &format!("compute: its row in the database has version {VERSION}"),
            registered,
        )
        .await;
    checks
        .check(
            "compute: its heartbeats are counted",
            counts(plane, compute),
        )
        .await;
    let called = async {
        plane.nova.map_hosts()?;
        plane.nova.set_enabled(compute.host(), false)?;
        shows(plane, compute.host(), "status", "disabled")?;
        plane.nova.set_enabled(compute.host(), true)?;
        shows(plane, compute.host(), "status", "enabled")
    };
    let name = "compute: disabled and enabled again, it answers nova's calls";
    checks.check(name, called).await;
    true
}

/// A killed service turns down; one that is started again takes its record up again.
pub(super) async fn ends(checks: &mut Checks, plane: &ControlPlane, compute: &mut Reference) {
    checks.check("compute: is killed", compute.kill()).await;
    let down = until(LIFE, async || shows(plane, compute.host(), "state", "down"));
    checks
        .check("compute: then nova's list shows it down", down)
        .await;
    let again = async {
        let before = row(plane, compute.host())?;
        compute.again(&plane.place)?;
        is(plane, compute, "up", LIFE).await?;
        let after = row(plane, compute.host())?;
        if before.get("id") == after.get("id") {
            return Ok(());
        }
        Err(Error::Wrong(format!(
            "there was {before}, now there is {after}"
        )))
    };
    checks
        .check(
            "compute: started again it is up, with the record that it had",
            again,
        )
        .await;
    checks
        .check("compute: ends in order on SIGTERM", compute.stop())
        .await;
}

/// Waits until the list shows the service up or down.
pub(super) async fn is(
    plane: &ControlPlane,
    compute: &mut Reference,
    wanted: &str,
    limit: Duration,
) -> Result<(), Error> {
    let host = compute.host();
    compute
        .until(limit, async || shows(plane, host, "state", wanted))
        .await
}

/// Waits until some more heartbeats have been counted.
pub(super) async fn counts(plane: &ControlPlane, compute: &mut Reference) -> Result<(), Error> {
    let host = compute.host();
    let count = || {
        let row = row(plane, host)?;
        let count = row.get("report_count").and_then(Value::as_u64);
        count.ok_or_else(|| Error::Wrong(format!("no count in {row}")))
    };
    let first = count()?;
    let more = async || match count()? {
        now if now >= first + 3 => Ok(()),
        now => Err(Error::Wrong(format!(
            "{first} heartbeats have become {now}"
        ))),
    };
    compute.until(LIFE, more).await
}

/// Fails unless nova's list shows the service with this value.
fn shows(plane: &ControlPlane, host: &str, key: &str, wanted: &str) -> Result<(), Error> {
    let service = plane.nova.compute(host)?;
    if service.get(key).and_then(Value::as_str) == Some(wanted) {
        return Ok(());
    }
    Err(Error::Wrong(format!("nova shows {service}")))
}

fn row(plane: &ControlPlane, host: &str) -> Result<Value, Error> {
    let statement = format!(
        "select id, version, report_count from services where host = '{host}' and \
         `binary` = 'nova-compute' and topic = 'compute' and deleted = 0"
    );
    let rows = plane.database.query("nova_cell1", &statement)?;
    let row = rows.get(0).cloned();
    row.ok_or_else(|| Error::Wrong(format!("the database has no nova-compute on {host}")))
}
