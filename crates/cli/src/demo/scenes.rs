//! What happens, each scene with what must come of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bergen::driver::SendError;
use bergen::rpc::{CallError, TypedCallError};
use tokio::task::JoinSet;

use super::service::{ComputeApiClient, ComputeError, Deed};
use super::stage::{NODES, Stage, TOPIC};
use super::teller::{heading, told};
use crate::exit::Failed;

/// Calls of the scene with many of them.
const MANY: usize = 2000;
/// As many of these are on their way at once.
const AT_ONCE: usize = 32;
/// The deadline of the call that is too slow, and how late its end may be noticed on a busy machine.
const DEADLINE: Duration = Duration::from_millis(300);
const TOLERANCE: Duration = Duration::from_secs(2);
/// How long somebody waits before giving a call up.
const SECOND_THOUGHTS: Duration = Duration::from_millis(200);

/// Plays all scenes; the service runs on.
pub(super) async fn play(url: &str) -> Result<Stage, Failed> {
    heading("A service in three instances joins the topic \"compute\"");
    let start = Instant::now();
    let mut stage = Stage::set(url).await?;
    told(&NODES.join(", "), start.elapsed())?;

    let compute = stage.client();
    calls(&compute).await?;
    many_calls(&compute).await?;
    one_server(&compute).await?;
    casts(&mut stage, &compute).await?;
    a_failure(&compute).await?;
    a_deadline(&mut stage, &compute).await?;
    a_cancel(&mut stage, &compute).await?;
    nobody(&compute).await?;
    one_leaves(&mut stage, &compute).await?;
    Ok(stage)
}

async fn calls(compute: &ComputeApiClient) -> Result<(), Failed> {
    heading("A call goes to any one of them, the next call to the next");
    let mut nodes = Vec::new();
    for instance in ["vm-1", "vm-2", "vm-3"] {
        let start = Instant::now();
        let node = compute.boot(instance).await?;
        told(
            &format!("boot({instance:?}) = Ok({node:?})"),
            start.elapsed(),
        )?;
        nodes.push(node);
    }
    nodes.sort_unstable();
    expect(nodes == NODES, || format!("the calls went to {nodes:?}"))
}

async fn many_calls(compute: &ComputeApiClient) -> Result<(), Failed> {
    heading(&format!("{MANY} calls, {AT_ONCE} at a time"));
    let start = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..AT_ONCE {
        let compute = compute.clone();
        callers.spawn(async move {
            let mut nodes: BTreeMap<String, usize> = BTreeMap::new();
            for call in (caller..MANY).step_by(AT_ONCE) {
                let node = compute.boot(&format!("vm-{call}")).await?;
                *nodes.entry(node).or_default() += 1;
            }
            Ok::<_, CallError>(nodes)
        });
    }
    let mut nodes: BTreeMap<String, usize> = BTreeMap::new();
    while let Some(caller) = callers.join_next().await {
        let done = caller.map_err(|error| Failed::System(error.to_string()))?;
        for (node, count) in done? {
            *nodes.entry(node).or_default() += count;
        }
    }
    let took = start.elapsed();
    let counts = nodes.iter().map(|(node, count)| format!("{node}: {count}"));
    let counts = counts.collect::<Vec<_>>().join(", ");
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let rate = MANY as f64 / took.as_secs_f64();
    told(&format!("{counts}; {rate:.0} calls/s"), took)?;
    let is_shared = nodes.len() == NODES.len() && nodes.values().sum::<usize>() == MANY;
    expect(is_shared, || format!("the answers came from {nodes:?}"))
}

async fn one_server(compute: &ComputeApiClient) -> Result<(), Failed> {
    heading("A call can go to one of them by name");
    let start = Instant::now();
    let node = compute.with_server("node-2").boot("vm-4").await?;
    told(
        &format!("with_server(\"node-2\").boot(\"vm-4\") = Ok({node:?})"),
        start.elapsed(),
    )?;
    expect(node == "node-2", || format!("{node} answered"))
}

async fn casts(stage: &mut Stage, compute: &ComputeApiClient) -> Result<(), Failed> {
    heading("A cast is done when the broker has it; one of them takes it");
    let start = Instant::now();
    compute.refresh("images").await?;
    told("refresh(\"images\") = Ok(())", start.elapsed())?;
    let (nodes, at) = stage.deeds(Deed::Refreshed, 1).await?;
    told(&format!("{} has run it", nodes.join(", ")), at - start)?;

    heading("A fanout goes to all of them");
    let start = Instant::now();
    compute.fanout().refresh("images").await?;
    told("fanout().refresh(\"images\") = Ok(())", start.elapsed())?;
    let (nodes, at) = stage.deeds(Deed::Refreshed, NODES.len()).await?;
    told(&format!("{} have run it", nodes.join(", ")), at - start)?;
    expect(nodes == NODES, || format!("the fanout reached {nodes:?}"))
}

async fn a_failure(compute: &ComputeApiClient) -> Result<(), Failed> {
    heading("A failure comes back as what it was: an error of the API, for Python an exception");
    let start = Instant::now();
    let failure = compute.stop("vm-9999").await;
    let took = start.elapsed();
    match failure {
        Err(TypedCallError::Own(error)) => {
            told(&format!("stop(\"vm-9999\") = Err({error:?})"), took)?;
            let instance_id = "vm-9999".to_owned();
            let expected = ComputeError::NotFound { instance_id };
            expect(error == expected, || format!("the error was {error:?}"))
        }
        other => expect(false, || format!("stop ended with {other:?}")),
    }
}

async fn a_deadline(stage: &mut Stage, compute: &ComputeApiClient) -> Result<(), Failed> {
    heading("A call ends at its deadline, and the method that nobody waits for ends, too");
    let start = Instant::now();
    let expired = compute.with_timeout(DEADLINE).migrate("vm-1", 20.0).await;
    let took = start.elapsed();
    let is_timeout = matches!(&expired, Err(error) if error.is_timeout());
    expect(is_timeout, || format!("migrate ended with {expired:?}"))?;
    told(
        "with_timeout(300 ms).migrate(\"vm-1\", 20 s) = Err(timed out)",
        took,
    )?;
    expect((DEADLINE..DEADLINE + TOLERANCE).contains(&took), || {
        format!("the deadline of {DEADLINE:?} came after {took:?}")
    })?;
    let (nodes, at) = stage.deeds(Deed::MigrationDropped, 1).await?;
    told(&format!("{} has dropped it", nodes.join(", ")), at - start)
}

async fn a_cancel(stage: &mut Stage, compute: &ComputeApiClient) -> Result<(), Failed> {
    heading("A caller has second thoughts: it drops its call, and the method is cancelled");
    let start = Instant::now();
    let call = tokio::spawn({
        let compute = compute.clone();
        async move { compute.migrate("vm-2", 20.0).await }
    });
    let (nodes, at) = stage.deeds(Deed::MigrationBegan, 1).await?;
    told(&format!("{} has begun", nodes.join(", ")), at - start)?;
    tokio::time::sleep(SECOND_THOUGHTS).await;
    let start = Instant::now();
    call.abort();
    let (dropped, at) = stage.deeds(Deed::MigrationDropped, 1).await?;
    told(
        &format!(
            "{} has dropped it, so long after the caller",
            dropped.join(", ")
        ),
        at.saturating_duration_since(start),
    )?;
    expect(dropped == nodes, || format!("{dropped:?} dropped it"))
}

async fn nobody(compute: &ComputeApiClient) -> Result<(), Failed> {
    heading("Where nobody listens, the caller knows at once (by default after 3 s of grace)");
    let start = Instant::now();
    let nobody = compute.with_server("node-9").boot("vm-5").await;
    let took = start.elapsed();
    match nobody {
        Err(CallError::Send(SendError::NoServer { routing_key, .. })) => {
            told(
                &format!("with_server(\"node-9\").boot(\"vm-5\") = Err(no server: {routing_key})"),
                took,
            )?;
            let expected = format!("{TOPIC}.node-9");
            expect(routing_key == expected, || {
                format!("nobody at {routing_key}")
            })
        }
        other => expect(false, || format!("node-9 ended with {other:?}")),
    }
}

async fn one_leaves(stage: &mut Stage, compute: &ComputeApiClient) -> Result<(), Failed> {
    heading("node-3 stops in order; the others go on, and no call is lost");
    let start = Instant::now();
    let calls = async {
        let mut nodes = Vec::new();
        for call in 0..100 {
            nodes.push(compute.boot(&format!("vm-{call}")).await?);
        }
        Ok::<_, Failed>(nodes)
    };
    let (stopped, nodes) = tokio::join!(stage.stop_one(), calls);
    stopped?;
    let nodes = nodes?;
    told("100 calls meanwhile, 100 answers", start.elapsed())?;
    let last = compute.boot("vm-6").await?;
    let is_left = nodes.len() == 100 && last != "node-3";
    expect(is_left, || format!("{last} answered"))
}

/// Fails the demo unless it is so.
fn expect(is_so: bool, otherwise: impl FnOnce() -> String) -> Result<(), Failed> {
    if is_so {
        return Ok(());
    }
    Err(Failed::System(format!("not as told: {}", otherwise())))
}
