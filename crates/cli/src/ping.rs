//! `bergen ping`.

use std::time::Duration;
use std::time::Instant;

use bergen::driver::Retry;
use bergen::rpc::RpcClient;
use bergen::target::ClientTarget;
use bergen::wire::Context;
use clap::Args;
use serde_json::json;

use crate::connection::ConnectionOptions;
use crate::connection::seconds;
use crate::exit::Failed;
use crate::output;
use crate::stop;

/// `bergen ping`.
#[derive(Debug, Args)]
pub(crate) struct Ping {
    /// Topic to ask
    topic: String,
    /// Ask this server only
    #[arg(long)]
    server: Option<String>,
    /// How many times
    #[arg(short = 'c', long, default_value_t = 1)]
    count: u32,
    /// Seconds until an answer is given up
    #[arg(long, default_value = "5", value_parser = seconds, value_name = "SECONDS")]
    timeout: Duration,
    /// A JSON object for each answer
    #[arg(long)]
    json: bool,
}

impl Ping {
    pub(crate) async fn run(self, connection: &ConnectionOptions) -> Result<(), Failed> {
        let transport = connection.rpc_transport()?;
        let mut client = RpcClient::new(&transport, ClientTarget::new(self.topic.clone()))
            .prepare()
            .timeout(self.timeout)
            .retry(Retry::Times(0));
        if let Some(server) = &self.server {
            client = client.server(server.clone());
        }
        let pings = async {
            for seq in 1..=self.count {
                let asked = Instant::now();
                let answer: String = client.call(&Context::default(), "oslo_rpc_server_ping", &json!({})).await?;
                self.print(seq, &answer, asked.elapsed());
            }
            Ok(())
        };
        let pinged = stop::unless_interrupted(pings).await;
        connection.close(transport).await;
        pinged
    }

    fn print(&self, seq: u32, answer: &str, took: Duration) {
        let to = match &self.server {
            Some(server) => format!("{}.{server}", self.topic),
            None => self.topic.clone(),
        };
        let milliseconds = took.as_secs_f64() * 1e3;
        if self.json {
            output::line(&json!({"to": to, "seq": seq, "answer": answer, "ms": milliseconds}).to_string());
        } else {
            output::line(&format!("{answer:?} from {to}: seq {seq}, {milliseconds:.3} ms"));
        }
    }
}
