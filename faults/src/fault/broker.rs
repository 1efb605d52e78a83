//! What a broker does to all its clients at once.

use super::{Inflicted, Pace, misplaced};
use crate::FaultsError;
use crate::stage::{Broker, Stage};
use crate::worker::now;

pub(super) async fn restart(stage: &mut Stage, pace: Pace) -> Result<Inflicted, FaultsError> {
    let Broker::Node(node) = &mut stage.broker else {
        return Err(misplaced());
    };
    let begin = now();
    for _ in 0..pace.times(1, 5) {
        node.restart().await?;
    }
    Ok(Inflicted::since(begin))
}

pub(super) async fn kill(stage: &mut Stage, pace: Pace) -> Result<Inflicted, FaultsError> {
    let Broker::Node(node) = &mut stage.broker else {
        return Err(misplaced());
    };
    let begin = now();
    for _ in 0..pace.times(1, 5) {
        node.kill().await?;
        node.start().await?;
    }
    Ok(Inflicted::since(begin))
}

pub(super) async fn memory_alarm(stage: &mut Stage, pace: Pace) -> Result<Inflicted, FaultsError> {
    let Broker::Node(node) = &mut stage.broker else {
        return Err(misplaced());
    };
    let begin = now();
    node.memory_alarm(true).await?;
    tokio::time::sleep(pace.lasting(4, 60)).await;
    node.memory_alarm(false).await?;
    Ok(Inflicted::since(begin))
}
