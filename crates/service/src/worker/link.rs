//! A worker's end of its channel.

use std::io;
use std::os::unix::net::UnixStream;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::channel::{self, FromWorker, Incoming, ToWorker};
use crate::launcher::handle::Commander;

/// What connects a worker to its supervisor: the supervisor's requests become commands like those of the process itself.
#[derive(Debug)]
pub(crate) struct Link {
    outgoing: mpsc::Sender<FromWorker>,
    orphaned: CancellationToken,
}

impl Link {
    pub(crate) fn open(channel: UnixStream, commander: Commander) -> io::Result<Self> {
        let (incoming, outgoing) = channel::open(channel)?;
        let orphaned = CancellationToken::new();
        tokio::spawn(serve(
            incoming,
            outgoing.clone(),
            commander,
            orphaned.clone().drop_guard(),
        ));
        Ok(Self { outgoing, orphaned })
    }

    /// Tells the supervisor that the service has started.
    pub(crate) fn started(&self) {
        // The first message has room, and a supervisor that is gone shows as such.
        let _ = self.outgoing.try_send(FromWorker::Started);
    }

    /// Done when the supervisor is gone: its end of the channel is closed.
    pub(crate) async fn orphaned(&self) {
        self.orphaned.cancelled().await;
    }
}

async fn serve(
    mut incoming: Incoming,
    outgoing: mpsc::Sender<FromWorker>,
    commander: Commander,
    _end: DropGuard,
) {
    while let Some(ToWorker { id, request }) = incoming.next().await {
        let (outgoing, commander) = (outgoing.clone(), commander.clone());
        tokio::spawn(async move {
            let answers = commander.give(request, None).await;
            // In a worker there is one answer, its own; none when it is at its end, which the supervisor sees.
            let Some(own) = answers.into_iter().next() else {
                return;
            };
            let answer = own.answer.unwrap_or(Value::Null);
            let _ = outgoing.send(FromWorker::Answer { id, answer }).await;
        });
    }
}
