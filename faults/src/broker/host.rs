//! The broker under test, in a process of its own.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bergen_amqp::client::{ConnectOptions, Connection};
use bergen_broker::{Address, Broker, Limits, Listen};
use bergen_testbed::Guarded;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::FaultsError;

/// What the broker is started with.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct HostOptions {
    /// Where it keeps what is durable.
    pub data: Option<PathBuf>,
    /// Seconds that a login may take.
    pub handshake_timeout: Option<u64>,
}

/// Is the broker: says its port, and serves until its input ends.
pub async fn be_host(options: HostOptions) -> Result<(), FaultsError> {
    let mut limits = Limits::default();
    if let Some(seconds) = options.handshake_timeout {
        limits.handshake_timeout = Duration::from_secs(seconds);
    }
    let mut builder = Broker::builder()
        .listen(Listen::Tcp(([127, 0, 0, 1], 0).into()))
        .limits(limits);
    if let Some(data) = options.data {
        builder = builder.data(data);
    }
    let broker = builder.start().await.map_err(FaultsError::worker)?;
    let Some(Address::Tcp(address)) = broker.addresses().first() else {
        return Err(FaultsError::Worker("the broker has no port".to_owned()));
    };
    let mut out = std::io::stdout().lock();
    let said = std::io::Write::write_fmt(&mut out, format_args!("{}\n", address.port()));
    said.map_err(FaultsError::io("saying the port"))?;
    drop(out);
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    // Whatever it ends with, it has ended.
    let _ = ended.await;
    broker.stop().await;
    Ok(())
}

/// A broker that runs, seen from outside. Dropping it kills it.
pub(super) struct Stand {
    process: Guarded,
    port: u16,
    said: Arc<Mutex<String>>,
}

/// Why a broker did not come up.
pub(super) struct NotStarted {
    pub(super) status: ExitStatus,
    /// Its standard error.
    pub(super) said: String,
}

/// How long a start may take.
const START_LIMIT: Duration = Duration::from_mins(1);

/// What a shell does before it becomes the broker.
const LIMITED: &str = r#"trap '' XFSZ; ulimit -S -f "$0"; exec "$@""#;

impl Stand {
    pub(super) async fn start(program: &Path, options: &HostOptions) -> Result<Self, FaultsError> {
        Self::try_start(Self::command(program, options)?)
            .await?
            .map_err(|failed| FaultsError::Worker(failed.said))
    }

    /// The same, or what the broker said when it refused to start.
    pub(super) async fn start_or_not(
        program: &Path,
        options: &HostOptions,
    ) -> Result<Result<Self, NotStarted>, FaultsError> {
        Self::try_start(Self::command(program, options)?).await
    }

    /// A broker whose files may not grow beyond so many blocks of 1024 bytes.
    pub(super) async fn start_limited(
        program: &Path,
        options: &HostOptions,
        blocks: u64,
    ) -> Result<Self, FaultsError> {
        let inner = Self::command(program, options)?;
        // Of bash, since the unit of other shells is another one.
        let mut command = Command::new("bash");
        command.args(["-c", LIMITED, &blocks.to_string()]);
        command.arg(inner.get_program()).args(inner.get_args());
        Self::try_start(command)
            .await?
            .map_err(|failed| FaultsError::Worker(failed.said))
    }

    fn command(program: &Path, options: &HostOptions) -> Result<Command, FaultsError> {
        let mut command = Command::new(program);
        command.args(["host", &serde_json::to_string(options)?]);
        Ok(command)
    }

    async fn try_start(mut command: Command) -> Result<Result<Self, NotStarted>, FaultsError> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = Guarded::spawn("the broker".to_owned(), &mut command, None)?;
        let child = process.child();
        let (Some(output), Some(mut errors)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(FaultsError::Worker("the broker has no pipes".to_owned()));
        };
        let said = Arc::new(Mutex::new(String::new()));
        let listening = Arc::clone(&said);
        let listener = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = errors.read(&mut bytes) {
                let text = String::from_utf8_lossy(bytes.get(..read).unwrap_or_default());
                let mut said = listening.lock().unwrap_or_else(PoisonError::into_inner);
                said.push_str(&text);
            }
        });
        let (tell, port) = oneshot::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            // Without a line there is no port, and the receiver learns of it.
            if BufReader::new(output).read_line(&mut line).is_ok()
                && let Ok(port) = line.trim().parse()
            {
                let _ = tell.send(port);
            }
        });
        let port = tokio::time::timeout(START_LIMIT, port).await;
        let port = port.map_err(|_| FaultsError::Never("the broker's start".to_owned()))?;
        if let Ok(port) = port {
            return Ok(Ok(Self {
                process,
                port,
                said,
            }));
        }
        let status = process.wait(START_LIMIT).await?;
        // It ends with the pipe.
        let _ = listener.join();
        let said = std::mem::take(&mut *said.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(Err(NotStarted { status, said }))
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it has written to its standard error.
    pub(super) fn said(&self) -> String {
        self.said
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether the process lives.
    pub(super) fn is_alive(&mut self) -> bool {
        self.process.status().is_none()
    }

    pub(super) async fn kill(mut self) -> Result<(), FaultsError> {
        self.process.kill().await?;
        Ok(())
    }

    /// Ends its input, at which it leaves in order.
    pub(super) async fn stop(mut self) -> Result<ExitStatus, FaultsError> {
        drop(self.process.child().stdin.take());
        Ok(self.process.wait(START_LIMIT).await?)
    }

    /// The most memory it has had, in MiB.
    pub(super) fn peak_mib(&self) -> Result<f64, FaultsError> {
        let file = format!("/proc/{}/status", self.id());
        let status = std::fs::read_to_string(&file).map_err(FaultsError::io(file))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        Ok(kib.unwrap_or(0.0) / 1024.0)
    }

    pub(super) async fn connect(&self) -> Result<Connection, FaultsError> {
        connect(self.port).await
    }
}

pub(super) async fn connect(port: u16) -> Result<Connection, FaultsError> {
    let options = ConnectOptions {
        host: "127.0.0.1".to_owned(),
        port,
        ..ConnectOptions::default()
    };
    let (connection, _) = Connection::open(options)
        .await
        .map_err(FaultsError::worker)?;
    Ok(connection)
}
