use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::builder::RabbitBuilder;
use super::control;
use super::epmd::{Epmd, make_folder};
use super::management::Management;
use crate::guard::{Guarded, Signal};
use crate::{TestbedError, ports};

/// How long a node may take to end when it is asked to; afterwards it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// A private RabbitMQ node. Its ports, name and data stay the same over stop and start; dropping
/// it kills it and removes its data.
#[derive(Debug)]
pub struct RabbitNode {
    name: String,
    folder: PathBuf,
    ports: Ports,
    start_limit: Duration,
    process: Option<Guarded>,
    // Last, so that the node is dead before its folder goes.
    epmd: Arc<Epmd>,
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    amqp: u16,
    tls: Option<u16>,
    management: u16,
    distribution: u16,
}

impl RabbitNode {
    /// A node as RabbitMQ comes, with the management plugin.
    pub fn builder() -> RabbitBuilder {
        RabbitBuilder::default()
    }

    /// Starts a node as RabbitMQ comes and waits until it accepts clients.
    pub async fn start_default() -> Result<Self, TestbedError> {
        Self::builder().start().await
    }

    pub(crate) async fn start_with(builder: RabbitBuilder) -> Result<Self, TestbedError> {
        let epmd = Arc::new(Epmd::start().await?);
        let mut node = Self::prepare(epmd, "rabbit", &builder)?;
        node.start().await?;
        Ok(node)
    }

    /// Chooses ports and writes the node's files; nothing runs yet.
    pub(crate) fn prepare(
        epmd: Arc<Epmd>,
        name: &str,
        builder: &RabbitBuilder,
    ) -> Result<Self, TestbedError> {
        let [amqp, tls, management, distribution] = ports::free()?;
        let ports = Ports {
            amqp,
            tls: builder.tls.then_some(tls),
            management,
            distribution,
        };
        let folder = epmd.folder.join(name);
        make_folder(&folder)?;
        write(
            &folder.join("rabbitmq.conf"),
            &configuration(ports, &builder.config),
        )?;
        let plugins = format!("[{}].\n", builder.plugins.join(","));
        write(&folder.join("enabled_plugins"), &plugins)?;
        Ok(Self {
            name: format!("{name}@localhost"),
            folder,
            ports,
            start_limit: builder.start_limit,
            process: None,
            epmd,
        })
    }

    /// Starts the node again after [`stop`](Self::stop) or [`kill`](Self::kill), on the same ports
    /// and data, and waits until it accepts clients. Without effect when it runs.
    pub async fn start(&mut self) -> Result<(), TestbedError> {
        self.launch()?;
        self.ready().await
    }

    /// Asks the node to end in order and waits for that.
    pub async fn stop(&mut self) -> Result<(), TestbedError> {
        if let Some(mut process) = self.process.take() {
            process.stop(STOP_LIMIT).await?;
        }
        Ok(())
    }

    /// Kills the node as a power cut would.
    pub async fn kill(&mut self) -> Result<(), TestbedError> {
        if let Some(mut process) = self.process.take() {
            process.kill().await?;
        }
        Ok(())
    }

    /// [`stop`](Self::stop), then [`start`](Self::start).
    pub async fn restart(&mut self) -> Result<(), TestbedError> {
        self.stop().await?;
        self.start().await
    }

    /// Lets the node stand still (its sockets stay open and silent) until [`Self::resume`].
    pub fn pause(&mut self) -> Result<(), TestbedError> {
        self.signal(Signal::Pause)
    }

    /// Lets a paused node go on.
    pub fn resume(&mut self) -> Result<(), TestbedError> {
        self.signal(Signal::Resume)
    }

    /// Evaluates an Erlang expression on the running node, and returns what it came to.
    pub async fn eval(&self, expression: &str) -> Result<String, TestbedError> {
        control::eval(&self.epmd, &self.name, expression).await
    }

    /// Raises the memory alarm, on which the broker reads nothing more from connections that
    /// publish, or clears it.
    pub async fn memory_alarm(&self, on: bool) -> Result<(), TestbedError> {
        let change = if on {
            "rabbit_alarm:set_alarm({{resource_limit, memory, node()}, []})."
        } else {
            "rabbit_alarm:clear_alarm({resource_limit, memory, node()})."
        };
        self.eval(change).await.map(drop)
    }

    /// The number of the broker's process, while it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Guarded::id)
    }

    /// The node's Erlang name, as clusters and the management interface show it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The AMQP port.
    pub fn port(&self) -> u16 {
        self.ports.amqp
    }

    /// The AMQP port with TLS, when the node was built with [`RabbitBuilder::tls`].
    pub fn tls_port(&self) -> Option<u16> {
        self.ports.tls
    }

    /// A transport URL for the built-in user and a virtual host; `""` names `/`.
    pub fn url(&self, vhost: &str) -> String {
        format!("rabbit://guest:guest@127.0.0.1:{}/{vhost}", self.ports.amqp)
    }

    /// The address of the management interface, with user and password.
    pub fn management_url(&self) -> String {
        format!("http://guest:guest@127.0.0.1:{}/", self.ports.management)
    }

    /// A client of the node's management interface.
    pub fn management(&self) -> Management {
        Management::new(&self.management_url())
    }

    /// The node's log so far.
    pub fn log(&self) -> String {
        let file = self.folder.join("log").join(format!("{}.log", self.name));
        fs::read_to_string(file).unwrap_or_default()
    }

    pub(crate) fn launch(&mut self) -> Result<(), TestbedError> {
        if self.process.is_some() {
            return Ok(());
        }
        let output = fs::File::create(self.folder.join("output"))
            .map_err(TestbedError::io("making the node's output file"))?;
        let errors = output
            .try_clone()
            .map_err(TestbedError::io("making the node's output file"))?;
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        self.process = Some(Guarded::spawn(self.name.clone(), &mut command, None)?);
        Ok(())
    }

    /// Waits until AMQP and the management interface answer.
    pub(crate) async fn ready(&mut self) -> Result<(), TestbedError> {
        let deadline = Instant::now() + self.start_limit;
        let management = self.management();
        while !(speaks_amqp(self.ports.amqp).await && management.overview().await.is_ok()) {
            if let Some(status) = self.process.as_mut().and_then(Guarded::status) {
                self.process = None;
                return Err(TestbedError::Ended {
                    who: self.name.clone(),
                    status: status.to_string(),
                    output: self.output(),
                });
            }
            if Instant::now() > deadline {
                return Err(TestbedError::Late {
                    who: self.name.clone(),
                    what: "accept clients".to_owned(),
                    limit: self.start_limit,
                    output: self.output(),
                });
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    fn signal(&mut self, signal: Signal) -> Result<(), TestbedError> {
        match &mut self.process {
            Some(process) => process.signal(signal),
            None => Ok(()),
        }
    }

    fn output(&self) -> String {
        let output = fs::read_to_string(self.folder.join("output")).unwrap_or_default();
        let lines: Vec<_> = output.lines().collect();
        let first = lines.len().saturating_sub(100);
        lines.get(first..).unwrap_or_default().join("\n")
    }

    fn command(&self) -> Command {
        let tools = &self.epmd.tools;
        let mut search = vec![tools.erlang_bin.clone()];
        search.extend(std::env::split_paths(
            &std::env::var_os("PATH").unwrap_or_default(),
        ));
        let mut command = Command::new(&tools.server);
        command
            .current_dir(&self.folder)
            .env("PATH", std::env::join_paths(search).unwrap_or_default())
            // The cookie lives in the home folder; nodes of one mapper share it and can cluster.
            .env("HOME", &self.epmd.folder)
            .env("ERL_EPMD_PORT", self.epmd.port.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODENAME", &self.name)
            .env("RABBITMQ_DIST_PORT", self.ports.distribution.to_string())
            .env("RABBITMQ_MNESIA_BASE", self.folder.join("mnesia"))
            .env("RABBITMQ_LOG_BASE", self.folder.join("log"))
            .env("RABBITMQ_CONFIG_FILE", self.folder.join("rabbitmq.conf"))
            .env(
                "RABBITMQ_ENABLED_PLUGINS_FILE",
                self.folder.join("enabled_plugins"),
            )
            .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
            .env(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "-kernel inet_dist_use_interface {127,0,0,1}",
            )
            // The script then becomes the Erlang machine itself instead of starting it beside
            // itself, so that signals reach the broker.
            .env("RUNNING_UNDER_SYSTEMD", "true")
            .env_remove("NOTIFY_SOCKET");
        if let Some(root) = &tools.erlang_root {
            command.env("ERL_ROOTDIR", root);
        }
        command
    }
}

fn configuration(ports: Ports, lines: &[String]) -> String {
    let mut text = format!(
        "listeners.tcp.local = 127.0.0.1:{}\n\
         management.tcp.ip = 127.0.0.1\n\
         management.tcp.port = {}\n\
         loopback_users = none\n\
         log.file.level = info\n",
        ports.amqp, ports.management,
    );
    if let Some(port) = ports.tls {
        let _ = writeln!(text, "listeners.ssl.local = 127.0.0.1:{port}");
    }
    for line in lines {
        let _ = writeln!(text, "{line}");
    }
    text
}

/// True if a broker answers the protocol header with a method frame.
async fn speaks_amqp(port: u16) -> bool {
    let greet = async {
        let mut socket = tokio::net::TcpStream::connect(ports::local(port)).await?;
        socket.write_all(b"AMQP\0\0\x09\x01").await?;
        socket.read_u8().await
    };
    let answer = tokio::time::timeout(Duration::from_secs(5), greet).await;
    matches!(answer, Ok(Ok(1)))
}

fn write(file: &Path, text: &str) -> Result<(), TestbedError> {
    fs::write(file, text).map_err(TestbedError::io(format!("writing {}", file.display())))
}
