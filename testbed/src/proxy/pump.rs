use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::{Faults, Shared, Way};

/// How much is read at once.
const PIECE: usize = 16 * 1024;

/// How many pieces may be on their way; then the sender is held up, as a full network would.
const ON_THE_WAY: usize = 256;

/// A throttled stream moves this often.
const TICK: Duration = Duration::from_millis(20);

/// Bytes and when they were read.
type Piece = (Instant, Vec<u8>);

/// Forwards one direction of one connection until it ends or its target is gone.
///
/// Reading and writing are apart, so that a delay is a delay and not a slow-down.
pub(super) async fn pump(
    shared: &Shared,
    way: &Way,
    from: impl AsyncRead + Unpin,
    to: impl AsyncWrite + Unpin,
) {
    let (sender, pieces) = mpsc::channel(ON_THE_WAY);
    let reading = read(from, sender);
    let writing = write(shared, way, pieces, to);
    let ((), _) = tokio::join!(reading, writing);
}

async fn read(mut from: impl AsyncRead + Unpin, sender: mpsc::Sender<Piece>) {
    let mut buffer = vec![0; PIECE];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let bytes = buffer.get(..count).unwrap_or_default().to_vec();
        if sender.send((Instant::now(), bytes)).await.is_err() {
            return;
        }
    }
}

async fn write(
    shared: &Shared,
    way: &Way,
    mut pieces: mpsc::Receiver<Piece>,
    mut to: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut faults = way.faults.subscribe();
    let mut closed = false;
    loop {
        let piece = tokio::select! {
            piece = pieces.recv() => piece,
            () = half_closed(&mut faults), if !closed => {
                closed = true;
                to.shutdown().await?;
                continue;
            }
        };
        let Some((read_at, mut bytes)) = piece else {
            return to.shutdown().await;
        };
        wait_until_due(&mut faults, read_at).await;
        let now = faults.borrow().clone();
        if now.black_hole || closed {
            continue;
        }
        if let Some(mutation) = &now.mutation {
            mutation(&mut bytes);
        }
        let cut = claim(way, &mut bytes);
        send(way, &mut to, &bytes).await?;
        if cut {
            to.flush().await?;
            shared.cut();
            // The connection's owner drops this future now; nothing more may pass.
            std::future::pending::<()>().await;
        }
    }
}

async fn half_closed(faults: &mut watch::Receiver<Faults>) {
    // The sender lives in what the caller borrows, so this ends only by a half close.
    let _ = faults.wait_for(|faults| faults.half_closed).await;
}

/// Waits while bytes are held back or not yet due, and looks again whenever a fault is changed.
async fn wait_until_due(faults: &mut watch::Receiver<Faults>, read_at: Instant) {
    loop {
        let (hold, due) = {
            let faults = faults.borrow_and_update();
            (faults.hold, read_at + faults.delay)
        };
        if !hold && Instant::now() >= due {
            return;
        }
        tokio::select! {
            changed = faults.changed() => if changed.is_err() { return },
            () = tokio::time::sleep_until(due), if !hold => {}
        }
    }
}

/// Shortens `bytes` to what may still pass before the cut; true if the cut is due after them.
fn claim(way: &Way, bytes: &mut Vec<u8>) -> bool {
    let mut cut = false;
    way.faults.send_if_modified(|faults| {
        let Some(left) = &mut faults.cut_after else {
            return false;
        };
        let allowed = usize::try_from(*left).unwrap_or(usize::MAX);
        bytes.truncate(allowed);
        *left -= bytes.len() as u64;
        if *left == 0 {
            faults.cut_after = None;
            cut = true;
        }
        false
    });
    cut
}

/// Sends at the rate of the moment, which may change between two parts.
async fn send(way: &Way, to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    let ticks_a_second = 1000 / u64::try_from(TICK.as_millis()).unwrap_or(1);
    let mut rest = bytes;
    while !rest.is_empty() {
        let Some(rate) = way.faults.borrow().bytes_per_second else {
            return forward(way, to, rest).await;
        };
        let share = usize::try_from((rate / ticks_a_second).max(1)).unwrap_or(usize::MAX);
        let (part, later) = rest.split_at(share.min(rest.len()));
        forward(way, to, part).await?;
        let nanoseconds = part.len() as u64 * 1_000_000_000 / rate.max(1);
        tokio::time::sleep(Duration::from_nanos(nanoseconds)).await;
        rest = later;
    }
    Ok(())
}

async fn forward(way: &Way, to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes).await?;
    way.forwarded
        .fetch_add(bytes.len() as u64, Ordering::Relaxed);
    Ok(())
}
