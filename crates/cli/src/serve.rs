//! `bergen serve`: a service to try calls against.

use std::time::Duration;

use bergen::rpc::Call;
use bergen::rpc::DynamicEndpoint;
use bergen::rpc::MethodError;
use bergen::rpc::Parameter;
use bergen::rpc::RpcServer;
use bergen::target::EndpointTarget;
use bergen::target::ServerTarget;
use bergen::target::Version;
use bergen::wire::Failure;
use bergen::wire::RawJson;
use clap::Args;
use serde_json::Number;
use serde_json::json;

use crate::connection::ConnectionOptions;
use crate::exit::Failed;
use crate::output;
use crate::stop;

/// `bergen serve`.
#[derive(Debug, Args)]
#[command(after_help = "\
Methods: echo(value), add(a, b), sleep(seconds), fail(module, class, message, kwargs), whoami().
Prints one line when it is ready. SIGTERM and Ctrl-C end it after it has answered what it took.")]
pub(crate) struct Serve {
    /// Topic to listen on
    #[arg(long)]
    topic: String,
    /// Name of this server on the topic [default: the host name]
    #[arg(long)]
    server: Option<String>,
    /// Namespace of the methods
    #[arg(long)]
    namespace: Option<String>,
    /// Version of the interface
    #[arg(long, default_value = "1.0")]
    version: Version,
    /// Methods that run at the same time
    #[arg(long, default_value_t = 64)]
    limit: usize,
}

impl Serve {
    pub(crate) async fn run(self, connection: &ConnectionOptions) -> Result<(), Failed> {
        let name = match &self.server {
            Some(server) => server.clone(),
            None => host_name()?,
        };
        let transport = connection.rpc_transport()?;
        let server = RpcServer::builder(&transport, ServerTarget::new(&self.topic, &name))
            .endpoint(self.endpoint(&name))
            .limit(self.limit)
            .ping(true)
            .build();
        server.start().await?;
        output::line(&format!(
            "ready: topic {}, server {name}, exchange {}, at {}",
            self.topic,
            transport.control_exchange(),
            transport.url()
        ));
        let signal = stop::requested().await;
        output::diagnose("stopping: answering what was taken");
        server.stop().await?;
        server.wait().await?;
        connection.close(transport).await;
        signal.map(drop)
    }

    fn endpoint(&self, server: &str) -> DynamicEndpoint {
        let mut target = EndpointTarget::new().version(self.version);
        if let Some(namespace) = &self.namespace {
            target = target.namespace(namespace);
        }
        let me = json!({
            "topic": self.topic,
            "server": server,
            "pid": std::process::id(),
            "program": concat!("bergen ", env!("CARGO_PKG_VERSION")),
        });
        DynamicEndpoint::new(target)
            .method("echo", |call| async move { echo(&call) })
            .method("add", |call| async move { add(&call) })
            .method("sleep", sleep)
            .method("fail", |call| async move { fail(&call) })
            .method("whoami", move |call: Call| {
                let me = me.clone();
                async move {
                    call.bind("whoami", &[])?;
                    Ok::<_, MethodError>(me)
                }
            })
    }
}

fn echo(call: &Call) -> Result<RawJson, MethodError> {
    const PARAMETERS: &[Parameter] = &[Parameter::required("value")];
    let mut arguments = call.bind("echo", PARAMETERS)?;
    Ok(arguments.take_raw("value").unwrap_or_else(RawJson::null))
}

fn add(call: &Call) -> Result<Number, MethodError> {
    const PARAMETERS: &[Parameter] = &[Parameter::required("a"), Parameter::required("b")];
    let mut arguments = call.bind("add", PARAMETERS)?;
    let (a, b): (Number, Number) = (arguments.take("a")?, arguments.take("b")?);
    let sum = match (a.as_i64(), b.as_i64()) {
        (Some(a), Some(b)) => a.checked_add(b).map(Number::from),
        _ => a.as_f64().zip(b.as_f64()).and_then(|(a, b)| Number::from_f64(a + b)),
    };
    sum.ok_or_else(|| MethodError::value_error("the sum is too large"))
}

async fn sleep(call: Call) -> Result<f64, MethodError> {
    const PARAMETERS: &[Parameter] = &[Parameter::required("seconds")];
    let seconds: f64 = call.bind("sleep", PARAMETERS)?.take("seconds")?;
    let duration = Duration::try_from_secs_f64(seconds)
        .map_err(|_| MethodError::value_error("sleep length must be non-negative"))?;
    tokio::time::sleep(duration).await;
    Ok(seconds)
}

fn fail(call: &Call) -> Result<(), MethodError> {
    const PARAMETERS: &[Parameter] = &[
        Parameter::optional("module"),
        Parameter::optional("class"),
        Parameter::optional("message"),
        Parameter::optional("kwargs"),
    ];
    let mut arguments = call.bind("fail", PARAMETERS)?;
    let module: String = arguments.take_or("module", || "builtins".to_owned())?;
    let class: String = arguments.take_or("class", || "RuntimeError".to_owned())?;
    let message: String = arguments.take_or("message", || "asked to fail".to_owned())?;
    let mut failure = Failure::new(module, class, message);
    if let Some(kwargs) = arguments.take_raw("kwargs") {
        failure.kwargs = kwargs;
    }
    Err(failure.into())
}

/// The name that OpenStack services give themselves when they are told none.
fn host_name() -> Result<String, Failed> {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .map_err(|error| Failed::Usage(format!("no host name ({error}): name the server with --server")))
}
