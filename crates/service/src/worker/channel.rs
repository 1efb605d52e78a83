//! What supervisor and worker say to each other: one JSON text a line.
//!
//! A new question is a new variant of [`Request`], with its answer as JSON; both ends are the same program.

use std::io;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

/// What a launcher is asked: a worker by its supervisor, any launcher by its own process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    /// Answered, with null, when the threads of the services have time for it.
    Ping,
    /// Apply the configuration as it is now. Answered with the [`Outcome`](crate::launcher::reload::Outcome) when that is
    /// done.
    Reload,
    /// A question of the program's own, for [`Launcher::on_question`](crate::Launcher::on_question).
    Question(Value),
}

/// From the supervisor.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ToWorker {
    /// Comes back with the answer.
    pub(crate) id: u64,
    pub(crate) request: Request,
}

/// From a worker.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FromWorker {
    /// Its service has started.
    Started,
    /// What it was asked.
    Answer { id: u64, answer: Value },
}

/// The messages that wait to be written; beyond them senders wait.
const QUEUE: usize = 64;

/// Both ways of a channel: what comes, and where what goes is put. Writing happens in a task of its own, so that a peer
/// that does not read holds nobody up.
pub(crate) fn open<T: Serialize + Send + 'static>(
    stream: std::os::unix::net::UnixStream,
) -> io::Result<(Incoming, mpsc::Sender<T>)> {
    stream.set_nonblocking(true)?;
    let (reader, writer) = UnixStream::from_std(stream)?.into_split();
    let (sender, outgoing) = mpsc::channel(QUEUE);
    tokio::spawn(write(writer, outgoing));
    Ok((Incoming(BufReader::new(reader).lines()), sender))
}

/// What comes over a channel.
#[derive(Debug)]
pub(crate) struct Incoming(Lines<BufReader<OwnedReadHalf>>);

impl Incoming {
    /// The next message; `None` when the other side is gone or does not make sense any more. May be dropped and called
    /// again without a loss.
    pub(crate) async fn next<T: DeserializeOwned>(&mut self) -> Option<T> {
        let line = self.0.next_line().await.ok()??;
        serde_json::from_str(&line)
            .inspect_err(|error| tracing::error!(%error, "supervisor and worker do not understand each other"))
            .ok()
    }
}

async fn write<T: Serialize>(mut writer: OwnedWriteHalf, mut outgoing: mpsc::Receiver<T>) {
    while let Some(message) = outgoing.recv().await {
        let Ok(mut line) = serde_json::to_vec(&message) else {
            continue;
        };
        line.push(b'\n');
        if writer.write_all(&line).await.is_err() {
            return;
        }
    }
}
