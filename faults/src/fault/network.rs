//! Connections that end, or that carry nothing.

use std::time::{Duration, Instant};

use bergen_testbed::{Direction, FaultProxy};

use super::{Inflicted, Pace, misplaced};
use crate::FaultsError;
use crate::stage::{Stage, VHOST};
use crate::worker::now;

const BOTH: [Direction; 2] = [Direction::ToServer, Direction::ToClient];

/// Two for each of bergen's processes, and at least as many of Python's.
pub(super) const CONNECTIONS: usize = 9;

/// How long the statistics may take to show all connections, and a proxy to see new ones.
const LIMIT: Duration = Duration::from_secs(40);

pub(super) async fn close_connections(
    stage: &mut Stage,
    pace: Pace,
) -> Result<Inflicted, FaultsError> {
    let management = stage.management().ok_or_else(misplaced)?;
    let path = "vhosts/%2F/connections";
    let all = |list: &serde_json::Value| list.as_array().is_some_and(|l| l.len() >= CONNECTIONS);
    let mut begin = None;
    for _ in 0..pace.times(2, 12) {
        management.wait_for(path, LIMIT, all).await?;
        begin.get_or_insert_with(now);
        management.close_connections(VHOST).await?;
    }
    Ok(Inflicted::since(begin.unwrap_or_else(now)))
}

/// Cuts after a number of bytes that falls somewhere else in a frame each time.
pub(super) async fn cut_mid_frame(stage: &mut Stage, pace: Pace) -> Result<Inflicted, FaultsError> {
    let link = stage.link.as_ref().ok_or_else(misplaced)?;
    let begin = now();
    for number in 0..pace.times(4, 15) {
        let direction = turn(number);
        let before = link.accepted();
        let open = link.connections();
        link.cut_after(direction, 1500 + u64::from(number) * 37);
        came_back(link, before + open).await?;
    }
    Ok(Inflicted::since(begin))
}

pub(super) async fn black_hole(stage: &mut Stage, pace: Pace) -> Result<Inflicted, FaultsError> {
    let link = stage.link.as_ref().ok_or_else(misplaced)?;
    let begin = now();
    for _ in 0..pace.times(1, 5) {
        let (before, open) = (link.accepted(), link.connections());
        for direction in BOTH {
            link.black_hole(direction, true);
        }
        // Whoever gives a connection up tries another one, which gets nowhere either.
        let noticed = came_back(link, before + open).await;
        link.heal();
        noticed?;
    }
    Ok(Inflicted::since(begin))
}

pub(super) async fn half_close(stage: &mut Stage, pace: Pace) -> Result<Inflicted, FaultsError> {
    let link = stage.link.as_ref().ok_or_else(misplaced)?;
    let begin = now();
    for number in 0..pace.times(2, 20) {
        let direction = turn(number + 1);
        let before = link.accepted();
        link.half_close(direction);
        let noticed = came_back(link, before + 1).await;
        link.heal();
        noticed?;
    }
    Ok(Inflicted::since(begin))
}

pub(super) async fn delay(stage: &mut Stage, pace: Pace) -> Result<Inflicted, FaultsError> {
    let link = stage.link.as_ref().ok_or_else(misplaced)?;
    let begin = now();
    for direction in BOTH {
        link.delay(direction, Duration::from_millis(300));
    }
    tokio::time::sleep(pace.lasting(5, 60)).await;
    link.heal();
    Ok(Inflicted::since(begin))
}

pub(super) async fn throttle(stage: &mut Stage, pace: Pace) -> Result<Inflicted, FaultsError> {
    let link = stage.link.as_ref().ok_or_else(misplaced)?;
    let begin = now();
    for direction in BOTH {
        link.throttle(direction, Some(1000));
    }
    tokio::time::sleep(pace.lasting(6, 60)).await;
    link.heal();
    Ok(Inflicted::since(begin))
}

/// One direction after the other.
fn turn(number: u32) -> Direction {
    if number.is_multiple_of(2) {
        Direction::ToServer
    } else {
        Direction::ToClient
    }
}

/// Waits until the proxy has seen so many connections in all.
async fn came_back(link: &FaultProxy, accepted: usize) -> Result<(), FaultsError> {
    let deadline = Instant::now() + LIMIT;
    while link.accepted() < accepted {
        if Instant::now() > deadline {
            return Err(FaultsError::Never(
                "a new connection after the old ones broke".to_owned(),
            ));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
