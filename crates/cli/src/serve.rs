//! `bergen serve`: a service to try calls against.

mod methods;

use bergen::rpc::RpcServer;
use bergen::target::{EndpointTarget, ServerTarget, Version};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde_json::json;

use crate::connection::ConnectionOptions;
use crate::exit::Failed;
use crate::output;
use crate::start::StartOptions;
use crate::stop::{Signals, ignore_hangup};

/// `bergen serve`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bergen serve --topic demo --server one
  bergen serve --topic demo --namespace compute --version 2.1 --exchange nova

Methods:
  echo(value)      answers value
  add(a, b)        answers the sum of two numbers
  sleep(seconds)   answers after so many seconds
  fail(module, class, message, kwargs)
                   fails with this error; each argument may be left out
  whoami()         answers topic, server, process id and program
It also answers pings. Calls without a version are taken as version 1.0.

Prints one line when it is ready. SIGTERM and Ctrl-C end it with exit code 0 when it has answered
what it had taken; the second one at once.")]
pub(crate) struct Serve {
    /// Topic to listen on
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    topic: String,
    /// Name of this server on the topic [default: host of --config-file, else the host name]
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    server: Option<String>,
    /// Namespace of the methods
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    namespace: Option<String>,
    /// Version of the interface
    #[arg(long, default_value = "1.0")]
    version: Version,
    #[arg(
        long,
        value_parser = limit,
        value_name = "COUNT",
        help = "Methods that run at the same time [default: executor_thread_pool_size of \
                --config-file, else 64]"
    )]
    limit: Option<usize>,
    /// Acknowledge a request when its method has ended: it runs again elsewhere if this process dies
    #[arg(long)]
    late_acknowledgement: bool,
    #[command(flatten)]
    start: StartOptions,
}

impl Serve {
    pub(crate) async fn run(self, connection: &ConnectionOptions) -> Result<(), Failed> {
        // Before the line that says ready: from then on we are to stop in order.
        let mut signals = Signals::watch()?;
        ignore_hangup()?;
        let transport = self.start.rpc_transport(connection)?;
        let name = self.server.as_deref().unwrap_or(transport.host());
        let mut server = RpcServer::builder(&transport, ServerTarget::new(&self.topic, name))
            .endpoint(methods::endpoint(self.target(), self.introduction(name)))
            .late_acknowledgement(self.late_acknowledgement)
            .ping(true);
        if let Some(limit) = self.limit {
            server = server.limit(limit);
        }
        let server = server.build();
        self.start.start(&server, &transport, &mut signals).await?;
        output::announce(&format!(
            "ready: topic {}, server {name}, exchange {}, at {}",
            self.topic,
            transport.control_exchange(),
            transport.url()
        ));
        signals.next().await;
        output::diagnose("stopping: answering what was taken");
        let stop = async {
            server.stop().await?;
            server.wait().await?;
            Ok(())
        };
        signals.unless(stop).await?;
        connection.close(transport).await;
        Ok(())
    }

    fn target(&self) -> EndpointTarget {
        let target = EndpointTarget::new().version(self.version);
        match &self.namespace {
            Some(namespace) => target.namespace(namespace),
            None => target,
        }
    }

    /// What `whoami` answers.
    fn introduction(&self, server: &str) -> serde_json::Value {
        json!({
            "topic": self.topic,
            "server": server,
            "pid": std::process::id(),
            "program": concat!("bergen ", env!("CARGO_PKG_VERSION")),
        })
    }
}

fn limit(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err("write a number of methods, 1 or more".to_owned()),
    }
}
