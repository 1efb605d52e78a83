//! A log that ends in the middle of something, as after a power failure, and one that was damaged.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Row;
use super::host::{HostOptions, Stand};
use super::kills::Folder;
use super::ledger::{Ledger, drain};
use crate::FaultsError;
use crate::fault::Pace;

const QUEUE: &str = "durable";

/// How many ends are tried.
fn cuts(pace: Pace) -> usize {
    match pace {
        Pace::Short => 12,
        Pace::Long => 200,
    }
}

/// How far before the end a cut may be, in bytes.
const REACH: u64 = 40_000;

pub(super) async fn run(program: &Path, pace: Pace, row: &mut Row) -> Result<(), FaultsError> {
    let folder = Folder::new("torn")?;
    let options = HostOptions {
        data: Some(folder.path()),
        ..HostOptions::default()
    };
    let stand = Stand::start(program, &options).await?;
    let ledger = Ledger::default();
    let connection = stand.connect().await?;
    let publishing = tokio::spawn(ledger.clone().publish(connection, QUEUE.to_owned()));
    tokio::time::sleep(Duration::from_millis(400)).await;
    stand.kill().await?;
    publishing.await.map_err(FaultsError::worker)?;
    let confirmed = ledger.confirmed().len();

    let (mut reported, mut kept) = (0, Vec::new());
    for _ in 0..cuts(pace) {
        let copy = Folder::new("cut")?;
        copy_folder(&folder.path(), &copy.path())?;
        let log = newest_log(&copy.path())?;
        let length = fs::metadata(&log)
            .map_err(FaultsError::io("looking at the log"))?
            .len();
        let end = length - fastrand::u64(1..REACH.min(length / 2));
        let file = fs::File::options().write(true).open(&log);
        file.and_then(|file| file.set_len(end))
            .map_err(FaultsError::io("cutting the log"))?;
        let options = HostOptions {
            data: Some(copy.path()),
            ..HostOptions::default()
        };
        let stand = match Stand::start_or_not(program, &options).await? {
            Ok(stand) => stand,
            Err(failed) => {
                row.wrong.push(format!(
                    "cut at {end} of {length}: it did not start: {}",
                    failed.said.trim()
                ));
                continue;
            }
        };
        let (_, order) = drain(&stand.connect().await?, QUEUE).await?;
        let is_beginning = order
            .iter()
            .copied()
            .eq(1..=u64::try_from(order.len()).unwrap_or(0));
        row.check(is_beginning, || {
            format!("cut at {end}: what is there is not the beginning")
        });
        kept.push(order.len());
        let _ = stand.stop().await?;
        reported += 1;
    }
    row.saw(format!(
        "{reported} cuts within {REACH} bytes of the end: each started, with the first {} to {} of {confirmed} confirmed messages",
        kept.iter().min().unwrap_or(&0),
        kept.iter().max().unwrap_or(&0),
    ));

    let copy = Folder::new("damage")?;
    copy_folder(&folder.path(), &copy.path())?;
    let log = newest_log(&copy.path())?;
    let mut bytes = fs::read(&log).map_err(FaultsError::io("reading the log"))?;
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 0x55;
    }
    fs::write(&log, bytes).map_err(FaultsError::io("writing the log"))?;
    let options = HostOptions {
        data: Some(copy.path()),
        ..HostOptions::default()
    };
    match Stand::start_or_not(program, &options).await? {
        Ok(stand) => {
            let _ = stand.stop().await?;
            row.wrong
                .push("a changed byte in the middle went unnoticed".to_owned());
        }
        Err(failed) => {
            let said = failed.said.trim().to_owned();
            let name = log
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            row.check(said.contains(name) && !failed.status.success(), || {
                format!("what it says of the damage does not name the file: {said}")
            });
            row.saw(format!(
                "a changed byte in the middle: it refuses to start and names the file: {}",
                said.replace(&copy.path().display().to_string(), "DIR")
            ));
        }
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), FaultsError> {
    let copied = || {
        fs::create_dir(to)?;
        fs::set_permissions(to, fs::metadata(from)?.permissions())?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
        Ok(())
    };
    copied().map_err(FaultsError::io("copying the data"))
}

fn newest_log(folder: &Path) -> Result<PathBuf, FaultsError> {
    let entries = fs::read_dir(folder).map_err(FaultsError::io("looking at the data"))?;
    let logs = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let newest = logs
        .filter(|path| path.extension().is_some_and(|it| it == "log"))
        .max();
    newest.ok_or_else(|| FaultsError::Never("a log".to_owned()))
}
