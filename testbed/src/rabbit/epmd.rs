use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::guard::Guarded;
use crate::{RabbitTools, TestbedError, Tools, ports};

/// A private Erlang port mapper and the folder of the nodes that register with it.
///
/// A mapper that a node starts by itself would be a daemon that listens everywhere and stays for
/// ever; this one listens on the loopback interface and goes with the last of its nodes, and the
/// folder with it.
#[derive(Debug)]
pub(crate) struct Epmd {
    pub(crate) port: u16,
    pub(crate) folder: PathBuf,
    pub(crate) tools: RabbitTools,
    _process: Guarded,
}

impl Epmd {
    /// Starts the mapper and waits until it accepts connections.
    pub(crate) async fn start() -> Result<Self, TestbedError> {
        let tools = Tools::locate()?.rabbitmq()?.clone();
        let [port] = ports::free()?;
        let folder = new_folder()?;
        let mut command = Command::new(tools.erlang_bin.join("epmd"));
        command
            .args(["-address", "127.0.0.1", "-port", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = Guarded::spawn("epmd", &mut command, Some(&folder))?;
        wait_for_listener(port, "epmd").await?;
        Ok(Self {
            port,
            folder,
            tools,
            _process: process,
        })
    }
}

async fn wait_for_listener(port: u16, who: &str) -> Result<(), TestbedError> {
    let limit = Duration::from_secs(20);
    let deadline = Instant::now() + limit;
    while tokio::net::TcpStream::connect(ports::local(port))
        .await
        .is_err()
    {
        if Instant::now() > deadline {
            return Err(TestbedError::Late {
                who: who.to_owned(),
                what: "accept a connection".to_owned(),
                limit,
                output: String::new(),
            });
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// A new folder under the system's place for temporary files.
fn new_folder() -> Result<PathBuf, TestbedError> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!(
        "bergen-rabbit-{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    );
    let folder = std::env::temp_dir().join(name);
    make_folder(&folder)?;
    Ok(folder)
}

/// Makes a folder and those above it.
pub(crate) fn make_folder(folder: &Path) -> Result<(), TestbedError> {
    fs::create_dir_all(folder).map_err(TestbedError::io(format!("making {}", folder.display())))
}
