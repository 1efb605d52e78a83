use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bergen::driver::SendError;
use bergen::prelude::*;
use bergen::rpc::CallError;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{
    CLOSING, ClientRole, Commands, ONE_IN, Sabotage, answer, answer_stopped, now, say, transport,
};
use crate::FaultsError;

/// Calls, casts and fanouts of one topic: how often each is made, and how many may be in flight.
/// The rate stays the same while nothing is answered, as services go on while their broker is away.
const LOAD: [(Kind, Duration, usize); 3] = [
    (Kind::Call, Duration::from_millis(40), 400),
    (Kind::Cast, Duration::from_millis(100), 200),
    (Kind::Fanout, Duration::from_millis(400), 50),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Call,
    Cast,
    Fanout,
}

/// Keeps the load up between `start` and `quiet`.
pub(super) async fn call(role: ClientRole) -> Result<(), FaultsError> {
    let mut commands = Commands::read();
    let transport = transport(&role.url)?;
    let load = Arc::new(Load {
        round: watch::Sender::new(None),
        in_flight: watch::Sender::new(0),
        // One that takes another's place in a round makes other ids.
        numbers: AtomicU64::new(u64::from(std::process::id()) * 1_000_000),
        timeout: Duration::from_secs(role.timeout),
        role,
    });
    for topic in load.role.topics.clone() {
        let client = RpcClient::builder(&transport, ClientTarget::new(&topic))
            .timeout(load.timeout)
            .build();
        for (kind, every, at_once) in LOAD {
            let at_once = Arc::new(Semaphore::new(at_once));
            let keep = Arc::clone(&load).keep(client.clone(), topic.clone(), kind, every, at_once);
            tokio::spawn(keep);
        }
    }
    say(&json!({"ready": true}));
    let mut stop = None;
    while let Some((op, command)) = commands.next().await {
        match op.as_str() {
            "start" => {
                let round = command.get("round").and_then(Value::as_str);
                load.round.send_replace(round.map(str::to_owned));
                answer(&command, json!({}));
            }
            "quiet" => {
                load.round.send_replace(None);
                answer(&command, json!({}));
            }
            "drain" => {
                let seconds = command.get("seconds").and_then(Value::as_u64).unwrap_or(0);
                let mut in_flight = load.in_flight.subscribe();
                let drained = in_flight.wait_for(|count| *count == 0);
                let _ = timeout(Duration::from_secs(seconds), drained).await;
                answer(&command, json!({"in_flight": *load.in_flight.borrow()}));
            }
            _ => {
                stop = Some(command);
                break;
            }
        }
    }
    transport.close(CLOSING).await;
    if let Some(command) = stop {
        answer_stopped(&command);
    }
    Ok(())
}

struct Load {
    role: ClientRole,
    timeout: Duration,
    /// The round that load is made for, if any.
    round: watch::Sender<Option<String>>,
    in_flight: watch::Sender<usize>,
    numbers: AtomicU64,
}

impl Load {
    async fn keep(
        self: Arc<Self>,
        client: RpcClient,
        topic: String,
        kind: Kind,
        every: Duration,
        at_once: Arc<Semaphore>,
    ) {
        let mut round = self.round.subscribe();
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            if round.wait_for(Option::is_some).await.is_err() {
                return;
            }
            ticks.tick().await;
            let Ok(permit) = Arc::clone(&at_once).acquire_owned().await else {
                return;
            };
            // It may have ended meanwhile; from here to the count nothing waits.
            let Some(round) = round.borrow().clone() else {
                continue;
            };
            let number = self.numbers.fetch_add(1, Ordering::Relaxed);
            let name = &self.role.name;
            let kind_name = kind.name();
            let id = format!("{name}/{topic}/{kind_name}/{round}.{number}");
            self.in_flight.send_modify(|count| *count += 1);
            let (load, client) = (Arc::clone(&self), client.clone());
            tokio::spawn(async move {
                load.one(&client, kind, &id, number).await;
                load.in_flight.send_modify(|count| *count -= 1);
                drop(permit);
            });
        }
    }

    async fn one(&self, client: &RpcClient, kind: Kind, id: &str, number: u64) {
        say(&json!({"e": "made", "id": id, "t": now()}));
        let arguments = json!({"id": id, "pause": self.role.pause});
        let ctxt = Context::default();
        let ended: Result<Option<String>, CallError> = match kind {
            Kind::Call => client.call(&ctxt, "work", &arguments).await.map(Some),
            Kind::Cast => client.cast(&ctxt, "work", &arguments).await.map(|()| None),
            Kind::Fanout => {
                let all = client.prepare().fanout(true);
                all.cast(&ctxt, "work", &arguments).await.map(|()| None)
            }
        };
        let chosen = number % ONE_IN == ONE_IN - 1;
        let sabotage = self.role.sabotage.filter(|_| chosen && kind == Kind::Call);
        let outcome = match ended {
            _ if sabotage == Some(Sabotage::SwallowsAnswers) => return,
            _ if sabotage == Some(Sabotage::MixesAnswersUp) => "wrong".to_owned(),
            Ok(Some(answer)) if answer != id => "wrong".to_owned(),
            Ok(_) => "ok".to_owned(),
            Err(error) => outcome(&error),
        };
        say(&json!({"e": "ended", "id": id, "t": now(), "outcome": outcome}));
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Cast => "cast",
            Self::Fanout => "fanout",
        }
    }
}

/// The name of an error's kind; of the remote class where a method failed, of the findings where the time ran out.
pub(crate) fn outcome(error: &CallError) -> String {
    if let Some(remote) = error.remote() {
        return format!("Remote {}", remote.class);
    }
    match error {
        CallError::Send(SendError::Timeout(timeout)) => {
            let findings = timeout.findings.iter().map(kind);
            let findings: Vec<_> = std::iter::once("Timeout".to_owned())
                .chain(findings)
                .collect();
            findings.join(" ")
        }
        CallError::Send(error) => kind(error),
        error => kind(error),
    }
}

/// The name of a variant.
fn kind(of: &impl std::fmt::Debug) -> String {
    let debug = format!("{of:?}");
    let name = debug.split(|c: char| !c.is_ascii_alphanumeric()).next();
    name.unwrap_or_default().to_owned()
}
