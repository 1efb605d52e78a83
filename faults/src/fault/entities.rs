//! Queues and exchanges that somebody deletes.

use std::time::Duration;

use bergen_testbed::Management;

use super::{Inflicted, Pace, misplaced};
use crate::FaultsError;
use crate::stage::{Stage, VHOST};
use crate::worker::now;

/// Between two deletions: each party has come back by then, or the account shows that it has not.
const BETWEEN: Duration = Duration::from_secs(2);

/// How long fanouts go nowhere before the servers' connections are closed.
const WITHOUT_BINDINGS: Duration = Duration::from_secs(2);

const TOPICS: [&str; 2] = ["python", "rust"];

pub(super) async fn reply_queues(stage: &mut Stage, pace: Pace) -> Result<Inflicted, FaultsError> {
    let management = stage.management().ok_or_else(misplaced)?;
    let begin = now();
    for number in 0..pace.times(2, 20) {
        if number > 0 {
            tokio::time::sleep(BETWEEN).await;
        }
        let deleted = delete(&management, |name| name.starts_with("reply_")).await?;
        if deleted < 2 {
            return Err(FaultsError::Never(
                "a reply queue of each client".to_owned(),
            ));
        }
    }
    Ok(Inflicted::since(begin))
}

pub(super) async fn topic_queues(stage: &mut Stage, pace: Pace) -> Result<Inflicted, FaultsError> {
    let management = stage.management().ok_or_else(misplaced)?;
    let begin = now();
    for number in 0..pace.times(2, 20) {
        if number > 0 {
            tokio::time::sleep(BETWEEN).await;
        }
        let deleted = delete(&management, |name| TOPICS.contains(&name)).await?;
        if number == 0 && deleted < TOPICS.len() {
            return Err(FaultsError::Never("the queues of both topics".to_owned()));
        }
    }
    Ok(Inflicted::since(begin))
}

/// Nobody is told that an exchange went, so neither library binds its queues again before its next connection.
pub(super) async fn fanout_exchanges(stage: &mut Stage) -> Result<Inflicted, FaultsError> {
    let management = stage.management().ok_or_else(misplaced)?;
    let begin = now();
    for topic in TOPICS {
        let exchange = format!("{topic}_fanout");
        management.delete_exchange(VHOST, &exchange).await?;
    }
    tokio::time::sleep(WITHOUT_BINDINGS).await;
    management.close_connections(VHOST).await?;
    Ok(Inflicted::since(begin))
}

async fn delete(
    management: &Management,
    which: impl Fn(&str) -> bool,
) -> Result<usize, FaultsError> {
    let queues = management.queues(VHOST).await?;
    let names = queues
        .iter()
        .filter_map(|queue| queue.get("name")?.as_str());
    let mut deleted = 0;
    for name in names.filter(|name| which(name)) {
        // The list lags: what is gone already is as good as deleted.
        if management.delete_queue(VHOST, name).await.is_ok() {
            deleted += 1;
        }
    }
    Ok(deleted)
}
