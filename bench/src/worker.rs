//! Worker processes: one side of a benchmark each, told what to do in lines of JSON.
//!
//! A worker prints `{"ready": true}` when it can be used. A server then serves until its input ends; for
//! each line in between it prints what a look at it shows ([`Looked`]).
//! A client reads one [`Order`] a line; for each it prints `{"started": true}` when the measurement
//! begins, and the [`Outcome`] when it is over.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use bergen_testbed::Guarded;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines, Stdin};
use tokio::process::{ChildStdin, ChildStdout};

use crate::BenchError;
use crate::io::Io;
use crate::load::{Order, Outcome};
use crate::process::{Usage, resident_bytes};
use crate::rpc::Looked;

/// How long a worker may take to be ready; Python reads some hundred files first.
const READY_LIMIT: Duration = Duration::from_mins(1);

/// How much later than ordered an outcome may come.
const GRACE: Duration = Duration::from_mins(1);

/// A worker, seen by the benchmark that started it. Dropping it kills it.
#[derive(Debug)]
pub struct Worker {
    who: String,
    process: Guarded,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

/// What one order came to, with what the processes under watch spent in the measured time.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The client's own account.
    pub outcome: Outcome,
    /// The costs of the processes, in the order in which they were named.
    pub usages: Vec<Usage>,
    /// Bytes of theirs in memory at the end.
    pub resident: Vec<u64>,
    /// What the server's connections did; not known of every server.
    pub server_io: Option<Io>,
}

impl Measured {
    /// Says on standard error what went wrong, if anything did.
    pub fn warn(&self, who: &str) {
        if let Some(error) = &self.outcome.error {
            eprintln!("{who}: {} failed: {error}", self.outcome.failed);
        }
    }
}

impl Worker {
    /// Starts a worker and waits until it is ready. Its standard error is the benchmark's own.
    pub async fn start(who: impl Into<String>, mut command: Command) -> Result<Self, BenchError> {
        let who = who.into();
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        let mut process = Guarded::spawn(who.clone(), &mut command, None)?;
        let child = process.child();
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(BenchError::worker(who, "it has no pipes"));
        };
        let input = ChildStdin::from_std(input).map_err(BenchError::io("a worker's input"))?;
        let output = ChildStdout::from_std(output).map_err(BenchError::io("a worker's output"))?;
        let mut worker = Self {
            who,
            process,
            input,
            output: BufReader::new(output).lines(),
        };
        worker.expect("ready", READY_LIMIT).await?;
        Ok(worker)
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Has a client carry out `order`, and looks at what `watched` processes spend meanwhile.
    pub async fn measure(
        &mut self,
        order: &Order,
        watched: &[u32],
    ) -> Result<Measured, BenchError> {
        let line = format!("{}\n", serde_json::to_string(order)?);
        let written = self.input.write_all(line.as_bytes()).await;
        written.map_err(BenchError::io(format!("telling {}", self.who)))?;
        let limit =
            GRACE + Duration::try_from_secs_f64(order.warm_up + order.seconds).unwrap_or(GRACE);
        self.expect("started", limit).await?;
        let before = usages(watched)?;
        let line = self.line(limit).await?;
        let after = usages(watched)?;
        let resident = watched.iter().map(|process| resident_bytes(*process));
        let resident = resident.collect::<Result<_, _>>()?;
        let outcome = serde_json::from_value(line.clone())
            .map_err(|_| BenchError::worker(&self.who, format!("it said {line}")))?;
        let usages = after
            .into_iter()
            .zip(before)
            .map(|(after, before)| after - before)
            .collect();
        Ok(Measured {
            outcome,
            usages,
            resident,
            server_io: None,
        })
    }

    /// The same for a client and its server, which is looked at before and after.
    pub async fn measure_with(
        &mut self,
        server: &mut Self,
        broker: u32,
        order: &Order,
    ) -> Result<Measured, BenchError> {
        let before = server.look().await?.io;
        let watched = [self.id(), server.id(), broker];
        let measured = self.measure(order, &watched).await?;
        let after = server.look().await?.io;
        Ok(Measured {
            server_io: after.zip(before).map(|(after, before)| after - before),
            ..measured
        })
    }

    /// Looks at what a server has received, and what its connections have done.
    pub async fn look(&mut self) -> Result<Looked, BenchError> {
        let written = self.input.write_all(b"look\n").await;
        written.map_err(BenchError::io(format!("telling {}", self.who)))?;
        let line = self.line(GRACE).await?;
        serde_json::from_value(line.clone())
            .map_err(|_| BenchError::worker(&self.who, format!("it said {line}")))
    }

    /// Ends its input, on which it leaves, and waits for that.
    pub async fn stop(self) -> Result<(), BenchError> {
        let Self {
            mut process,
            input,
            output,
            ..
        } = self;
        drop(input);
        if process.wait(Duration::from_secs(20)).await.is_err() {
            process.kill().await?;
        }
        drop(output);
        Ok(())
    }

    async fn expect(&mut self, what: &str, limit: Duration) -> Result<(), BenchError> {
        let line = self.line(limit).await?;
        if line.get(what) == Some(&Value::Bool(true)) {
            return Ok(());
        }
        Err(BenchError::worker(
            &self.who,
            format!("it said {line} instead of {what}"),
        ))
    }

    async fn line(&mut self, limit: Duration) -> Result<Value, BenchError> {
        let line = match tokio::time::timeout(limit, self.output.next_line()).await {
            Ok(Ok(Some(line))) => line,
            Ok(_) => return Err(BenchError::worker(&self.who, "it ended")),
            Err(_) => {
                return Err(BenchError::worker(
                    &self.who,
                    format!("it was silent for {limit:?}"),
                ));
            }
        };
        serde_json::from_str(&line)
            .map_err(|_| BenchError::worker(&self.who, format!("it said {line:?}")))
    }
}

/// A worker's own end of the conversation.
#[derive(Debug)]
pub struct Conversation {
    input: Lines<BufReader<Stdin>>,
}

impl Conversation {
    /// Says that the worker is ready.
    pub fn open() -> Result<Self, BenchError> {
        say(&json!({"ready": true}))?;
        Ok(Self {
            input: BufReader::new(tokio::io::stdin()).lines(),
        })
    }

    /// The next order; `None` when the worker shall leave.
    pub async fn order(&mut self) -> Result<Option<Order>, BenchError> {
        match self.input.next_line().await {
            Ok(Some(line)) => Ok(Some(serde_json::from_str(&line)?)),
            _ => Ok(None),
        }
    }

    /// Says that the measurement begins.
    pub fn started() {
        // A benchmark that is gone reads no more; the worker sees that at its input.
        let _ = say(&json!({"started": true}));
    }

    /// Tells what came of an order, or what a look shows.
    pub fn tell(what: &impl Serialize) -> Result<(), BenchError> {
        say(&serde_json::to_value(what)?)
    }

    /// Server: waits for somebody to look at it; false when it shall leave.
    pub async fn looked_at(&mut self) -> bool {
        matches!(self.input.next_line().await, Ok(Some(_)))
    }

    /// Waits until the worker shall leave.
    pub async fn end(mut self) {
        while self.looked_at().await {}
    }
}

fn say(line: &Value) -> Result<(), BenchError> {
    writeln!(std::io::stdout(), "{line}").map_err(BenchError::io("answering"))
}

fn usages(processes: &[u32]) -> Result<Vec<Usage>, BenchError> {
    processes
        .iter()
        .map(|process| Usage::of(*process))
        .collect()
}
