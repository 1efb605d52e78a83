//! One process of bergen under load: a server or a client, in the words of `interop/peers/fault_*.py`.

use std::io::{BufRead as _, Write as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bergen::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::FaultsError;

mod client;
mod server;

pub(crate) use client::outcome;

/// What a worker is told at its start.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "lowercase")]
pub enum Role {
    /// Serves a topic.
    Server(ServerRole),
    /// Keeps calling, casting and fanning out.
    Client(ClientRole),
}

/// A server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServerRole {
    /// The transport URL.
    pub url: String,
    /// Its topic.
    pub topic: String,
    /// Its name.
    pub server: String,
    /// What it does wrong on purpose.
    #[serde(default)]
    pub sabotage: Option<Sabotage>,
}

/// A client.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClientRole {
    /// The transport URL.
    pub url: String,
    /// The first part of its ids.
    pub name: String,
    /// The topics that it sends to.
    pub topics: Vec<String>,
    /// Seconds that a call may take.
    pub timeout: u64,
    /// Seconds that a method is to take.
    pub pause: f64,
    /// What it does wrong on purpose.
    #[serde(default)]
    pub sabotage: Option<Sabotage>,
}

/// What a worker does wrong on purpose, so that an account is seen to notice it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sabotage {
    /// A client that swallows the answers of some calls.
    SwallowsAnswers,
    /// A client that takes another call's answer for its own.
    MixesAnswersUp,
    /// A server that runs some requests twice.
    RunsTwice,
    /// A server that answers or drops some requests without running them.
    RunsNothing,
}

/// Is one worker, until its input ends or says so.
///
/// # Errors
/// The role can't be taken: no such URL, or the server did not start.
pub async fn work(role: Role) -> Result<(), FaultsError> {
    match role {
        Role::Server(role) => server::serve(role).await,
        Role::Client(role) => client::call(role).await,
    }
}

/// One in so many requests falls to the saboteur.
const ONE_IN: u64 = 7;

fn transport(url: &str) -> Result<RpcTransport, FaultsError> {
    let url = url.parse().map_err(FaultsError::worker)?;
    RpcTransport::new(TransportOptions::default().url(url)).map_err(FaultsError::worker)
}

/// How long an orderly end may take.
const CLOSING: Duration = Duration::from_secs(5);

/// The time of day in seconds, which all processes of a machine share.
pub(crate) fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}

/// Writes one line. It reaches the pipe before this returns, so that it outlives a kill.
fn say(line: &Value) {
    let mut out = std::io::stdout().lock();
    // Who does not listen any more does not need it.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// The commands of the standard input, until it ends or says `stop`.
struct Commands(mpsc::UnboundedReceiver<Value>);

impl Commands {
    fn read() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            let lines = std::io::stdin().lock().lines();
            for line in lines.map_while(Result::ok) {
                let Ok(command) = serde_json::from_str(&line) else {
                    continue;
                };
                if sender.send(command).is_err() {
                    return;
                }
            }
        });
        Self(receiver)
    }

    /// The next command and its `op`; `None` at the end. What says `stop` is answered at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        let command = self.0.recv().await?;
        let op = command.get("op").and_then(Value::as_str)?.to_owned();
        Some((op, command))
    }
}

fn answer(command: &Value, mut with: Value) {
    if let (Some(with), Some(id)) = (with.as_object_mut(), command.get("id")) {
        with.insert("id".to_owned(), id.clone());
    }
    say(&with);
}

fn answer_stopped(command: &Value) {
    answer(command, json!({"stopped": true}));
}
