//! One row: load, the fault, service again, and the account.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::FaultsError;
use crate::account::{Account, Facts, Loss, answered_since, first_answer};
use crate::fault::{Fault, Inflicted, Pace};
use crate::stage::{DIRECTIONS, Stage};
use crate::worker::now;

/// Calls of each direction that have to be answered before the fault, and again after it.
const STEADY: usize = 5;

/// How long that may take: processes start, and the machine may be busy.
const STEADY_LIMIT: Duration = Duration::from_mins(2);

/// How long service may take to resume. What takes longer is red.
const RESUME_LIMIT: Duration = Duration::from_secs(90);

/// How long the last requests may take to arrive where nothing may be lost: the broker has to notice a dead
/// connection before it gives its messages to somebody else.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(30);

/// The same where something may be lost, or where nothing was broken.
const SHORT_ARRIVAL_LIMIT: Duration = Duration::from_secs(3);

/// Puts the stage under load, inflicts the fault, if any, and settles the account.
pub async fn run(
    stage: &mut Stage,
    fault: Option<Fault>,
    pace: Pace,
) -> Result<Account, FaultsError> {
    let before = stage.servers();
    stage.begin().await?;
    steady(stage, 0.0).await?;
    let inflicted = match fault {
        Some(fault) => fault.inflict(stage, pace).await?,
        None => Inflicted::at_once(now()),
    };
    let after = stage.servers();
    let mut facts = Facts {
        begin: inflicted.begin,
        healed: inflicted.healed,
        cleared: inflicted.healed,
        timeout: Duration::from_secs(stage.timeout()).as_secs_f64(),
        receivers: before,
        loss: fault.map_or(Loss::Never, Fault::loss),
        killed_clients: inflicted.killed_clients,
    };
    for (topic, receivers) in &mut facts.receivers {
        let still: BTreeSet<_> = after.get(topic).cloned().unwrap_or_default();
        receivers.retain(|process| still.contains(process));
    }
    resumed(stage, &facts).await;
    if let Some(fault) = fault {
        // What is left of the fault, while service goes on without it: a node comes back.
        if fault.clear_away(stage).await? {
            facts.cleared = now();
        }
    }
    // If it fails, the account says why.
    let _ = steady(stage, now()).await;
    stage.drain().await?;
    let arrival = match facts.loss {
        Loss::Never | Loss::FanoutsToThePeerWithItsPlace if fault.is_some() => ARRIVAL_LIMIT,
        _ => SHORT_ARRIVAL_LIMIT,
    };
    settle(stage, &facts, arrival).await;
    Ok(Account::of(&stage.log().events(), &facts))
}

/// Waits until calls are answered in every direction.
async fn steady(stage: &Stage, since: f64) -> Result<(), FaultsError> {
    let what = "a steady load of answered calls in every direction";
    let steady = |events: &[_]| {
        let counts = answered_since(events, since);
        let enough = |direction: &&str| counts.get(*direction).is_some_and(|n| *n >= STEADY);
        DIRECTIONS.iter().all(enough).then_some(())
    };
    stage.log().wait(what, STEADY_LIMIT, steady).await
}

/// Waits until service has resumed in every direction; the account says so if it has not.
async fn resumed(stage: &Stage, facts: &Facts) {
    let resumed = |events: &[_]| {
        let first = first_answer(events, facts);
        let is_back = |direction: &&str| first.get(*direction).is_some_and(Option::is_some);
        DIRECTIONS.iter().all(is_back).then_some(())
    };
    let _ = stage.log().wait("service", RESUME_LIMIT, resumed).await;
}

/// Waits until every request that was sent has run, if that is to be.
async fn settle(stage: &Stage, facts: &Facts, limit: Duration) {
    // A client has said that nothing is in flight any more, but on another way than what it tells of its messages.
    let told = |events: &[_]| (Account::of(events, facts).total().hung == 0).then_some(());
    let _ = stage.log().wait("ends", SHORT_ARRIVAL_LIMIT, told).await;
    let arrived = |events: &[_]| (Account::of(events, facts).total().lost == 0).then_some(());
    let _ = stage.log().wait("arrival", limit, arrived).await;
}
