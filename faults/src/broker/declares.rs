//! A client that declares without end.

use std::path::Path;

use bergen_amqp::client::{ChannelCloseReason, Error, QueueBind, QueueDeclare};
use bergen_amqp::codec::FieldTable;
use tokio::task::JoinSet;

use super::Row;
use super::bystander::Bystander;
use super::host::{HostOptions, Stand};
use crate::FaultsError;

/// As many declares are under way at once.
const AT_ONCE: usize = 1000;

/// More than any broker should take.
const FLOOD: usize = 1_000_000;

/// Bytes of the argument that each binding carries.
const ARGUMENT: usize = 20_000;

pub(super) async fn run(program: &Path, row: &mut Row) -> Result<(), FaultsError> {
    let stand = Stand::start(program, &HostOptions::default()).await?;
    let bystander = Bystander::start(stand.port()).await?;
    let connection = stand.connect().await?;
    let (channel, _) = connection
        .open_channel()
        .await
        .map_err(FaultsError::worker)?;
    let (queues, refusal) = flood(|number| {
        let declaring = channel.queue_declare(QueueDeclare::new(format!("flood-{number}")));
        async move { declaring.await.map(drop) }
    })
    .await?;
    row.check(refusal.is_some(), || format!("{queues} queues, and no end"));
    row.saw(format!(
        "{queues} queues, then: {}",
        refusal.unwrap_or_default()
    ));

    let (channel, _) = connection
        .open_channel()
        .await
        .map_err(FaultsError::worker)?;
    let (bindings, refusal) = flood(|number| {
        let mut bind = QueueBind::new("flood-1", "amq.headers", format!("key-{number}"));
        bind.arguments = FieldTable::new().with("header", "x".repeat(ARGUMENT));
        channel.queue_bind(bind)
    })
    .await?;
    row.check(refusal.is_some(), || {
        format!("{bindings} bindings, and no end")
    });
    row.saw(format!(
        "{bindings} bindings of {ARGUMENT} bytes, then: {}",
        refusal.unwrap_or_default()
    ));
    row.memory(&stand, 900.0)?;
    row.served(bystander.stop().await?);
    Ok(())
}

/// Goes on until something is refused: how many were done, and the refusal.
async fn flood<F>(declare: impl Fn(usize) -> F) -> Result<(usize, Option<String>), FaultsError>
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let mut done = 0;
    for begin in (0..FLOOD).step_by(AT_ONCE) {
        let mut declaring: JoinSet<_> = (begin..begin + AT_ONCE).map(&declare).collect();
        let mut refusal = None;
        while let Some(declared) = declaring.join_next().await {
            match declared.map_err(FaultsError::worker)? {
                Ok(()) => done += 1,
                Err(Error::ChannelClosed(ChannelCloseReason::ByServer { code, text, .. })) => {
                    refusal = Some(format!("{code} {text}"));
                }
                Err(error) => return Err(FaultsError::worker(error)),
            }
        }
        if refusal.is_some() {
            return Ok((done, refusal));
        }
    }
    Ok((done, None))
}
