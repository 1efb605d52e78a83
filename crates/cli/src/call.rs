//! `bergen call` and `bergen cast`.

use std::time::Duration;

use bergen::driver::Retry;
use bergen::rpc::PreparedClient;
use bergen::rpc::RpcClient;
use bergen::target::ClientTarget;
use bergen::target::Version;
use bergen::transport::RpcTransport;
use bergen::wire::Context;
use bergen::wire::RawJson;
use clap::Args;

use crate::arguments;
use crate::arguments::Argument;
use crate::connection::ConnectionOptions;
use crate::connection::seconds;
use crate::exit::Failed;
use crate::output;
use crate::stop;

/// `bergen call`.
#[derive(Debug, Args)]
#[command(after_help = "\
Arguments: key=text gives a string, key:=json any JSON.

  bergen call compute add a:=1 b:=2
  bergen call compute reboot_instance instance=8a2f hard:=true --server host-1 --version 5.0 --exchange nova")]
pub(crate) struct Call {
    #[command(flatten)]
    request: Request,
    /// Seconds until the call is given up
    #[arg(long, default_value = "60", value_parser = seconds, value_name = "SECONDS")]
    timeout: Duration,
    /// Ask for keep-alives, and give up after this many seconds without one (the server sends them from 2 on)
    #[arg(long, value_parser = seconds, value_name = "SECONDS")]
    monitor: Option<Duration>,
}

/// `bergen cast`.
#[derive(Debug, Args)]
#[command(after_help = "\
Ends with 0 when the broker has taken the message; --require-server also asks for a queue that takes it.

  bergen cast compute refresh host=host-1 --fanout")]
pub(crate) struct Cast {
    #[command(flatten)]
    request: Request,
    /// Send to every server of the topic
    #[arg(long, conflicts_with = "server")]
    fanout: bool,
    /// Fail if no queue takes the message; without effect on fanouts
    #[arg(long, conflicts_with = "fanout")]
    require_server: bool,
}

#[derive(Debug, Args)]
struct Request {
    /// Topic to send to, such as compute
    topic: String,
    /// Method to run
    method: String,
    /// The method's arguments: key=text or key:=json
    #[arg(value_parser = Argument::parse, value_name = "KEY=TEXT | KEY:=JSON")]
    arguments: Vec<Argument>,
    /// Send to this server only
    #[arg(long)]
    server: Option<String>,
    /// Namespace of the method
    #[arg(long)]
    namespace: Option<String>,
    /// Version of the interface, such as 1.1; none counts as 1.0
    #[arg(long)]
    version: Option<Version>,
    /// A value of the request context: key=text or key:=json; may be repeated
    #[arg(long = "context", value_parser = Argument::parse, value_name = "KEY=TEXT | KEY:=JSON")]
    context: Vec<Argument>,
}

impl Call {
    pub(crate) async fn run(self, connection: &ConnectionOptions) -> Result<(), Failed> {
        let transport = connection.rpc_transport()?;
        let client = self
            .request
            .client(&transport)
            .timeout(self.timeout)
            .retry(Retry::Times(0))
            .call_monitor_timeout(self.monitor);
        let (context, arguments) = (self.request.context()?, self.request.arguments());
        let method = self.request.method.clone();
        let call = async {
            let result: RawJson = client.call(&context, method, &arguments).await?;
            Ok(result)
        };
        let called = stop::unless_interrupted(call).await;
        connection.close(transport).await;
        output::result(&called?);
        Ok(())
    }
}

impl Cast {
    pub(crate) async fn run(self, connection: &ConnectionOptions) -> Result<(), Failed> {
        let transport = connection.rpc_transport()?;
        let client = self
            .request
            .client(&transport)
            .fanout(self.fanout)
            .retry(Retry::Times(0))
            .at_least_once(self.require_server);
        let (context, arguments) = (self.request.context()?, self.request.arguments());
        let method = self.request.method.clone();
        let cast = async { Ok(client.cast(&context, method, &arguments).await?) };
        let sent = stop::unless_interrupted(cast).await;
        connection.close(transport).await;
        sent
    }
}

impl Request {
    fn client(&self, transport: &RpcTransport) -> PreparedClient {
        let mut client = RpcClient::new(transport, ClientTarget::new(self.topic.clone())).prepare();
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

    fn arguments(&self) -> serde_json::Map<String, serde_json::Value> {
        arguments::to_object(&self.arguments)
    }

    fn context(&self) -> Result<Context, Failed> {
        let mut context = Context::default();
        for (key, value) in arguments::to_object(&self.context) {
            context
                .insert(key, &value)
                .map_err(|error| Failed::Usage(format!("--context: {error}")))?;
        }
        Ok(context)
    }
}
