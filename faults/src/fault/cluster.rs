//! One of three nodes goes: the one that most are connected to.

use std::collections::BTreeMap;
use std::time::Duration;

use bergen_testbed::RabbitCluster;
use serde_json::Value;

use super::network::CONNECTIONS;
use super::{Inflicted, misplaced};
use crate::FaultsError;
use crate::stage::{Broker, Stage};
use crate::worker::now;

/// How long the other nodes may take to see that a node is gone or back.
const LIMIT: Duration = Duration::from_mins(2);

/// Service is to resume on the two others, while the node is away.
pub(super) async fn stop(stage: &mut Stage) -> Result<Inflicted, FaultsError> {
    let (index, begin) = choose(stage).await?;
    let cluster = cluster(stage)?;
    cluster.node(index).ok_or_else(misplaced)?.stop().await?;
    Ok(Inflicted::since(begin))
}

pub(super) async fn start(stage: &mut Stage) -> Result<(), FaultsError> {
    let index = stage.away.ok_or_else(misplaced)?;
    let cluster = cluster(stage)?;
    cluster.node(index).ok_or_else(misplaced)?.start().await?;
    running(stage, 3).await?;
    stage.away = None;
    Ok(())
}

/// The node that is alone pauses, which closes its connections.
pub(super) async fn partition(stage: &mut Stage) -> Result<Inflicted, FaultsError> {
    let (index, begin) = choose(stage).await?;
    cluster(stage)?.partition(index).await?;
    running(stage, 2).await?;
    Ok(Inflicted::since(begin))
}

pub(super) async fn heal(stage: &mut Stage) -> Result<(), FaultsError> {
    let index = stage.away.ok_or_else(misplaced)?;
    cluster(stage)?.heal(index).await?;
    running(stage, 3).await?;
    stage.away = None;
    Ok(())
}

fn cluster(stage: &mut Stage) -> Result<&mut RabbitCluster, FaultsError> {
    match &mut stage.broker {
        Broker::Cluster(cluster) => Ok(cluster),
        Broker::Node(_) => Err(misplaced()),
    }
}

/// The node with the most connections is the one to go; says when it was chosen, too.
async fn choose(stage: &mut Stage) -> Result<(usize, f64), FaultsError> {
    let management = stage.management().ok_or_else(misplaced)?;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let list = management
        .wait_for("vhosts/%2F/connections", LIMIT, |list| {
            list.as_array()
                .is_some_and(|list| list.len() >= CONNECTIONS)
        })
        .await?;
    for connection in list.as_array().into_iter().flatten() {
        let node = connection.get("node").and_then(Value::as_str);
        *counts
            .entry(node.unwrap_or_default().to_owned())
            .or_default() += 1;
    }
    let busiest = counts.into_iter().max_by_key(|(_, count)| *count);
    let (busiest, _) = busiest.ok_or_else(misplaced)?;
    let index = cluster(stage)?
        .nodes()
        .iter()
        .position(|node| node.name() == busiest)
        .ok_or_else(misplaced)?;
    stage.away = Some(index);
    Ok((index, now()))
}

/// Waits until a node that nothing is done to sees so many nodes running.
async fn running(stage: &Stage, count: usize) -> Result<(), FaultsError> {
    let management = stage.management().ok_or_else(misplaced)?;
    let is_running = |node: &&Value| node.get("running") == Some(&Value::Bool(true));
    let seen = |nodes: &Value| {
        let nodes = nodes.as_array().map(Vec::as_slice).unwrap_or_default();
        nodes.iter().filter(is_running).count() == count
    };
    management.wait_for("nodes", LIMIT, seen).await?;
    Ok(())
}
