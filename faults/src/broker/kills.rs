//! Killed again and again under confirmed load.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use super::Row;
use super::host::{HostOptions, Stand};
use super::ledger::{Ledger, drain};
use crate::FaultsError;
use crate::fault::Pace;

/// How often it is killed.
fn times(pace: Pace) -> usize {
    match pace {
        Pace::Short => 5,
        Pace::Long => 50,
    }
}

const QUEUES: [&str; 3] = ["durable-1", "durable-2", "durable-3"];

/// How long the load runs before a kill, in milliseconds.
const LOAD: std::ops::Range<u64> = 30..600;

/// With `kept: false` the broker keeps nothing, which must be noticed.
pub(super) async fn run(
    program: &Path,
    pace: Pace,
    kept: bool,
    row: &mut Row,
) -> Result<(), FaultsError> {
    let folder = Folder::new("kills")?;
    let options = HostOptions {
        data: kept.then(|| folder.path()),
        ..HostOptions::default()
    };
    let ledgers = QUEUES.map(|_| Ledger::default());
    // What was taken out and acknowledged, by queue.
    let mut gone = QUEUES.map(|_| BTreeSet::new());
    let (mut confirmed, mut again, mut unconfirmed) = (0, 0, 0);
    let mut slowest_start = Duration::ZERO;
    for _ in 0..times(pace) {
        let begin = std::time::Instant::now();
        let stand = Stand::start(program, &options).await?;
        slowest_start = slowest_start.max(begin.elapsed());
        let mut publishing = Vec::new();
        let before = ledgers.each_ref().map(Ledger::confirmed);
        for (queue, ledger) in QUEUES.iter().zip(&ledgers) {
            let connection = stand.connect().await?;
            let publish = ledger.clone().publish(connection, (*queue).to_owned());
            publishing.push(tokio::spawn(publish));
        }
        tokio::time::sleep(Duration::from_millis(fastrand::u64(LOAD))).await;
        row.memory(&stand, 400.0)?;
        stand.kill().await?;
        for publisher in publishing {
            publisher.await.map_err(FaultsError::worker)?;
        }
        // Another life, in which the queues are emptied.
        let stand = Stand::start(program, &options).await?;
        let connection = stand.connect().await?;
        for ((queue, ledger), (gone, before)) in
            QUEUES.iter().zip(&ledgers).zip(gone.iter_mut().zip(before))
        {
            let (counts, order) = drain(&connection, queue).await?;
            let known = ledger.confirmed();
            let fresh: Vec<_> = known.difference(&before).copied().collect();
            confirmed += fresh.len();
            let lost = fresh
                .iter()
                .filter(|number| !counts.contains_key(number))
                .count();
            row.check(lost == 0, || {
                format!("{queue}: {lost} confirmed messages were lost")
            });
            let twice = counts.values().filter(|count| **count > 1).count();
            row.check(twice == 0, || {
                format!("{queue}: {twice} messages are there twice")
            });
            row.check(order.is_sorted(), || {
                format!("{queue}: the order is another one")
            });
            again += counts
                .keys()
                .filter(|number| gone.contains(*number))
                .count();
            unconfirmed += counts
                .keys()
                .filter(|number| !known.contains(number))
                .count();
            gone.extend(counts.into_keys());
        }
        // Acknowledgements are not confirmed; those before an orderly end hold.
        let status = stand.stop().await?;
        row.check(status.success(), || {
            format!("the broker ended with {status}")
        });
    }
    row.check(again == 0, || {
        format!("{again} acknowledged messages came again")
    });
    row.check(confirmed > 0, || "no message was ever confirmed".to_owned());
    let times = times(pace);
    row.saw(format!("{times} kills, {confirmed} messages confirmed in {} queues, all of them there afterwards; {unconfirmed} more that were not", QUEUES.len()));
    row.saw(format!(
        "slowest start {:.2} s",
        slowest_start.as_secs_f64()
    ));
    Ok(())
}

/// A folder that goes with this.
pub(super) struct Folder(std::path::PathBuf);

impl Folder {
    pub(super) fn new(name: &str) -> Result<Self, FaultsError> {
        let random = fastrand::u64(..);
        let folder = std::env::temp_dir().join(format!("bergen-faults-{name}-{random:016x}"));
        std::fs::create_dir(&folder).map_err(FaultsError::io("making a folder"))?;
        Ok(Self(folder))
    }

    /// Where a broker may keep its data.
    pub(super) fn path(&self) -> std::path::PathBuf {
        self.0.join("data")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is in the system's folder for such things.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
