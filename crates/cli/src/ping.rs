//! `bergen ping`.

use std::fmt;
use std::time::{Duration, Instant};

use bergen::driver::Retry;
use bergen::rpc::{PING_METHOD, PreparedClient, RpcClient};
use bergen::target::ClientTarget;
use bergen::wire::{Context, RawJson};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde::Serialize;
use serde_json::json;

use crate::connection::{ConnectionOptions, positive_seconds, seconds};
use crate::exit::Failed;
use crate::output;
use crate::stop::Signals;

/// `bergen ping`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bergen ping demo
  bergen ping demo --server one --server two -c 10 -i 0.1
  bergen ping compute --exchange nova --json | jq .ms

A topic is answered by any one of its servers, the next ping by the next. Python servers answer
only with rpc_ping_enabled = true. Ends with 0 if every ping was answered, else with the code of
the first that was not; with --json the last line is the summary.")]
pub(crate) struct Ping {
    /// Topic to ask
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    topic: String,
    /// Ask this server only; may be repeated to ask several in turn
    #[arg(long, value_name = "SERVER", value_parser = NonEmptyStringValueParser::new())]
    server: Vec<String>,
    /// How often each is asked
    #[arg(short = 'c', long, default_value_t = 1)]
    count: u32,
    /// Seconds between two rounds
    #[arg(short = 'i', long, default_value = "1", value_parser = seconds, value_name = "SECONDS")]
    interval: Duration,
    /// Seconds until an answer is given up
    #[arg(long, default_value = "5", value_parser = positive_seconds, value_name = "SECONDS")]
    timeout: Duration,
    /// Print a JSON object for each ping, with milliseconds
    #[arg(long)]
    json: bool,
}

/// One that is asked: how it is called, and the way to it.
struct Asked {
    name: String,
    client: PreparedClient,
}

/// What `--json` prints for a ping.
#[derive(Serialize)]
struct Line<'a> {
    to: &'a str,
    seq: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<&'a RawJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// What `--json` prints at the end.
#[derive(Serialize)]
struct Summary {
    sent: u32,
    answered: usize,
    min_ms: Option<f64>,
    avg_ms: Option<f64>,
    max_ms: Option<f64>,
}

/// What came back so far.
#[derive(Default)]
struct Tally {
    sent: u32,
    milliseconds: Vec<f64>,
    first_failure: Option<Failed>,
}

impl Ping {
    pub(crate) async fn run(self, connection: &ConnectionOptions) -> Result<(), Failed> {
        let mut signals = Signals::watch()?;
        let transport = connection.rpc_transport()?;
        let client = RpcClient::new(&transport, ClientTarget::new(self.topic.clone()))
            .prepare()
            .timeout(self.timeout)
            .retry(Retry::Times(0));
        let mut tally = Tally::default();
        let pinged = signals
            .unless(self.rounds(&self.asked(&client), &mut tally))
            .await;
        connection.close(transport).await;
        match pinged {
            // As ping does: an interrupt ends the count, not the program's purpose.
            Ok(()) | Err(Failed::Stopped(_)) => {
                let summary = tally.summary();
                self.print(&summary, || summary.to_string())?;
            }
            Err(_) => {}
        }
        pinged?;
        tally.first_failure.map_or(Ok(()), Err)
    }

    fn asked(&self, client: &PreparedClient) -> Vec<Asked> {
        if self.server.is_empty() {
            return vec![Asked {
                name: self.topic.clone(),
                client: client.clone(),
            }];
        }
        let servers = self.server.iter();
        servers
            .map(|server| Asked {
                name: format!("{}.{server}", self.topic),
                client: client.clone().server(server),
            })
            .collect()
    }

    async fn rounds(&self, asked: &[Asked], tally: &mut Tally) -> Result<(), Failed> {
        for seq in 1..=self.count {
            for one in asked {
                self.ping(one, seq, tally).await?;
            }
            if seq < self.count {
                tokio::time::sleep(self.interval).await;
            }
        }
        Ok(())
    }

    async fn ping(&self, asked: &Asked, seq: u32, tally: &mut Tally) -> Result<(), Failed> {
        let start = Instant::now();
        tally.sent += 1;
        let answer: Result<RawJson, _> = asked
            .client
            .call(&Context::default(), PING_METHOD, &json!({}))
            .await;
        let (to, ms) = (asked.name.as_str(), milliseconds(start.elapsed()));
        match answer {
            Ok(answer) => {
                tally.milliseconds.push(ms);
                let line = Line {
                    to,
                    seq,
                    answer: Some(&answer),
                    ms: Some(ms),
                    error: None,
                };
                self.print(&line, || {
                    format!("{} from {to}: seq {seq}, {ms:.3} ms", answer.as_str())
                })
            }
            Err(error) => {
                let failed = Failed::from(error);
                let line = Line {
                    to,
                    seq,
                    answer: None,
                    ms: None,
                    error: Some(failed.text()),
                };
                tally.first_failure.get_or_insert(failed);
                self.print(&line, || format!("no answer from {to}: seq {seq}"))
            }
        }
    }

    fn print(&self, json: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Failed> {
        if self.json {
            output::json_line(json)
        } else {
            output::line(&output::escaped(&text()))
        }
    }
}

impl Tally {
    fn summary(&self) -> Summary {
        let times = &self.milliseconds;
        let (sent, answered) = (self.sent, times.len());
        #[expect(clippy::cast_precision_loss, reason = "nobody pings so often")]
        let average = times.iter().sum::<f64>() / answered as f64;
        Summary {
            sent,
            answered,
            min_ms: times.iter().copied().reduce(f64::min),
            avg_ms: (answered > 0).then_some(average),
            max_ms: times.iter().copied().reduce(f64::max),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sent, {} answered", self.sent, self.answered)?;
        match (self.min_ms, self.avg_ms, self.max_ms) {
            (Some(min), Some(avg), Some(max)) => {
                write!(f, ", min/avg/max {min:.3}/{avg:.3}/{max:.3} ms")
            }
            _ => Ok(()),
        }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
