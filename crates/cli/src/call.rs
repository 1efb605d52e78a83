//! `bergen call` and `bergen cast`.

use std::time::Duration;

use bergen::driver::Retry;
use bergen::rpc::{PreparedClient, RpcClient};
use bergen::target::{ClientTarget, Version};
use bergen::transport::RpcTransport;
use bergen::wire::{Context, RawJson};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::arguments::{self, Argument};
use crate::connection::{ConnectionOptions, monitor_seconds, positive_seconds};
use crate::exit::Failed;
use crate::output;
use crate::stop::Signals;

/// `bergen call`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bergen call demo add a:=1 b:=2
  bergen call demo echo value=text --context request_id=req-1
  bergen call demo sleep seconds:=90 --timeout 120 --monitor 10
  bergen call conductor object_class_action_versions --exchange nova --namespace baseapi \\
      --version 1.1 --config-file /etc/nova/nova.conf

key=text gives a string, key:=json any JSON, which is sent as it is typed. The result is JSON:
indented on a terminal, one line elsewhere.")]
pub(crate) struct Call {
    #[command(flatten)]
    request: Request,
    #[arg(
        long,
        value_parser = positive_seconds,
        value_name = "SECONDS",
        help = "Seconds until the call is given up [default: rpc_response_timeout of \
                --config-file, else 60]"
    )]
    timeout: Option<Duration>,
    /// Ask the server for signs of life, and give up after this many seconds without one (2 or
    /// more; --timeout still ends the call)
    #[arg(long, value_parser = monitor_seconds, value_name = "SECONDS")]
    monitor: Option<Duration>,
    // Known in order to say what to do instead.
    #[arg(long, hide = true)]
    fanout: bool,
}

/// `bergen cast`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bergen cast demo echo value=text
  bergen cast demo echo value=text --fanout
  bergen cast compute refresh host=host-1 --server host-1 --exchange nova --require-server

Ends with 0 when the broker has taken the message, whether or not a server is there to get it;
--require-server asks for a queue that takes it.")]
pub(crate) struct Cast {
    #[command(flatten)]
    request: Request,
    /// Send to every server of the topic
    #[arg(long, conflicts_with = "server")]
    fanout: bool,
    /// Fail if no queue takes the message
    #[arg(long, conflicts_with = "fanout")]
    require_server: bool,
    /// Seconds until the broker must have confirmed the message
    #[arg(long, default_value = "60", value_parser = positive_seconds, value_name = "SECONDS")]
    timeout: Duration,
}

#[derive(Debug, Args)]
struct Request {
    /// Topic to send to, such as compute
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    topic: String,
    /// Method to run
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    method: String,
    /// The method's arguments
    #[arg(value_parser = Argument::parse, value_name = "KEY=TEXT | KEY:=JSON")]
    arguments: Vec<Argument>,
    /// Send to this server only
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    server: Option<String>,
    /// Namespace of the method
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    namespace: Option<String>,
    /// Version of the interface, such as 1.1; without one any 1.x server answers
    #[arg(long)]
    version: Option<Version>,
    /// A value of the request's context; may be repeated
    #[arg(long = "context", value_parser = Argument::parse, value_name = "KEY=TEXT | KEY:=JSON")]
    context: Vec<Argument>,
}

impl Call {
    pub(crate) async fn run(self, connection: &ConnectionOptions) -> Result<(), Failed> {
        if self.fanout {
            let instead = "a fanout has no answer to wait for: use bergen cast --fanout";
            return Err(Failed::Usage(instead.to_owned()));
        }
        let mut signals = Signals::watch()?;
        let transport = connection.rpc_transport()?;
        let mut client = self
            .request
            .client(&transport)
            .call_monitor_timeout(self.monitor);
        if let Some(timeout) = self.timeout {
            client = client.timeout(timeout);
        }
        let context = self.request.context()?;
        let arguments = arguments::to_object(&self.request.arguments);
        let call = async {
            let method = self.request.method.clone();
            let result: RawJson = client.call(&context, method, &arguments).await?;
            Ok(result)
        };
        let called = signals.unless(call).await;
        connection.close(transport).await;
        output::result(&called?)
    }
}

impl Cast {
    pub(crate) async fn run(self, connection: &ConnectionOptions) -> Result<(), Failed> {
        let mut signals = Signals::watch()?;
        let transport = connection.rpc_transport()?;
        let client = self
            .request
            .client(&transport)
            .fanout(self.fanout)
            .at_least_once(self.require_server);
        let context = self.request.context()?;
        let arguments = arguments::to_object(&self.request.arguments);
        let cast = async {
            let cast = client.cast(&context, self.request.method.clone(), &arguments);
            match tokio::time::timeout(self.timeout, cast).await {
                Ok(sent) => Ok(sent?),
                Err(_) => Err(Failed::Broker(format!(
                    "the broker did not confirm the message within {:?}",
                    self.timeout
                ))),
            }
        };
        let sent = signals.unless(cast).await;
        connection.close(transport).await;
        sent
    }
}

impl Request {
    /// A client that tries to connect once: who waits at a terminal wants to know.
    fn client(&self, transport: &RpcTransport) -> PreparedClient {
        let target = ClientTarget::new(self.topic.clone());
        let mut client = RpcClient::new(transport, target)
            .prepare()
            .retry(Retry::Times(0));
        if let Some(server) = &self.server {
            client = client.server(server.clone());
        }
        if let Some(namespace) = &self.namespace {
            client = client.namespace(namespace.clone());
        }
        if let Some(version) = self.version {
            client = client.version(version);
        }
        client
    }

    fn context(&self) -> Result<Context, Failed> {
        arguments::to_context(&self.context)
    }
}
