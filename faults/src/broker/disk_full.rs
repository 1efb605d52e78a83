//! A disk that ends: files may not grow beyond a limit, which is taken away later.

use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tokio::time::{Instant, sleep};

use super::Row;
use super::host::{HostOptions, Stand};
use super::kills::Folder;
use super::ledger::{Ledger, drain};
use crate::FaultsError;

const QUEUE: &str = "durable";

/// The limit, in blocks of 1024 bytes.
const BLOCKS: u64 = 2048;

/// How long is waited for something to happen.
const LIMIT: Duration = Duration::from_secs(30);

/// How long nothing may be confirmed for the disk to count as full.
const STILL: Duration = Duration::from_secs(2);

pub(super) async fn run(program: &Path, row: &mut Row) -> Result<(), FaultsError> {
    let folder = Folder::new("disk")?;
    let options = HostOptions {
        data: Some(folder.path()),
        ..HostOptions::default()
    };
    let mut stand = Stand::start_limited(program, &options, BLOCKS).await?;
    let ledger = Ledger::default();
    let connection = stand.connect().await?;
    let publishing = tokio::spawn(ledger.clone().publish(connection.clone(), QUEUE.to_owned()));
    let before = stood_still(&ledger).await?;
    row.check(stand.is_alive(), || {
        format!("the broker died: {}", stand.said())
    });
    row.check(before > 0, || {
        "nothing was confirmed while there was room".to_owned()
    });
    // Somebody who only reads is served meanwhile.
    let reader = stand.connect().await?;
    let (channel, _) = reader.open_channel().await.map_err(FaultsError::worker)?;
    let got = channel
        .get(QUEUE, false)
        .await
        .map_err(FaultsError::worker)?;
    row.check(got.is_some(), || {
        "what is in the queue could not be read".to_owned()
    });
    reader.close().await.map_err(FaultsError::worker)?;
    let blocked = connection.blocked();
    let refused = ledger.refused();
    row.check(blocked.is_some() || refused > 0, || {
        "publishers were not told".to_owned()
    });
    row.saw(format!(
        "{before} messages confirmed until the files ended at {} MiB; then blocked ({}), {refused} refused",
        BLOCKS / 1024,
        blocked.as_deref().unwrap_or("not announced"),
    ));
    unlimit(stand.id())?;
    let begin = Instant::now();
    while ledger.confirmed().len() <= before {
        if begin.elapsed() > LIMIT {
            row.check(false, || {
                "nothing was confirmed when there was room again".to_owned()
            });
            break;
        }
        sleep(Duration::from_millis(20)).await;
    }
    row.saw(format!(
        "confirmed again {:.1} s after there was room",
        begin.elapsed().as_secs_f64()
    ));
    sleep(Duration::from_millis(300)).await;
    row.memory(&stand, 400.0)?;
    stand.kill().await?;
    publishing.await.map_err(FaultsError::worker)?;
    let stand = Stand::start(program, &options).await?;
    let (counts, _) = drain(&stand.connect().await?, QUEUE).await?;
    let confirmed = ledger.confirmed();
    let lost = confirmed
        .iter()
        .filter(|number| !counts.contains_key(number))
        .count();
    row.check(lost == 0, || format!("{lost} confirmed messages were lost"));
    row.saw(format!(
        "{} confirmed in all, all of them there after a kill",
        confirmed.len()
    ));
    let _ = stand.stop().await?;
    Ok(())
}

/// Waits until nothing more is confirmed; how many messages were.
async fn stood_still(ledger: &Ledger) -> Result<usize, FaultsError> {
    let begin = Instant::now();
    let (mut count, mut since) = (0, Instant::now());
    loop {
        let now = ledger.confirmed().len();
        if now != count {
            (count, since) = (now, Instant::now());
        } else if count > 0 && since.elapsed() > STILL {
            return Ok(count);
        }
        if begin.elapsed() > LIMIT {
            return Err(FaultsError::Never("the end of the disk".to_owned()));
        }
        sleep(Duration::from_millis(20)).await;
    }
}

fn unlimit(process: u32) -> Result<(), FaultsError> {
    let process = i32::try_from(process).ok().and_then(Pid::from_raw);
    let none = Rlimit {
        current: None,
        maximum: None,
    };
    let done = prlimit(process, Resource::Fsize, none);
    done.map(drop)
        .map_err(|error| FaultsError::io("taking the limit away")(error.into()))
}
