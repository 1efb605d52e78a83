use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::TestbedError;

/// Where `cargo xtask setup` laid the foreign programs down: the content of `tools.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tools {
    /// The broker. Absent when the set-up was told that the tests get a broker's address.
    pub rabbitmq: Option<RabbitTools>,
    /// The Python of the virtual environment that has oslo.messaging.
    pub python: PathBuf,
    /// `tools/simulator.py` of oslo.messaging's source archive.
    pub simulator: PathBuf,
}

/// An unpacked or installed RabbitMQ and the Erlang that runs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RabbitTools {
    /// RabbitMQ's own start script `sbin/rabbitmq-server`, not a distribution's wrapper of it.
    pub server: PathBuf,
    /// The folder of `erl` and `epmd`.
    pub erlang_bin: PathBuf,
    /// What `ERL_ROOTDIR` must say; only an unpacked Erlang needs it.
    pub erlang_root: Option<PathBuf>,
}

impl Tools {
    /// The folder of everything that the set-up brings: `BERGEN_TOOLS_DIR`, else `bergen-tools`
    /// in Cargo's target folder.
    pub fn folder() -> PathBuf {
        if let Some(folder) = std::env::var_os("BERGEN_TOOLS_DIR") {
            return folder.into();
        }
        target_folder().join("bergen-tools")
    }

    /// Reads what the set-up wrote down and checks that the files are still there.
    pub fn locate() -> Result<Self, TestbedError> {
        let list = Self::list();
        let text = fs::read_to_string(&list).map_err(|_| TestbedError::missing(&list))?;
        let tools: Self = serde_json::from_str(&text).map_err(|error| TestbedError::NotSetUp {
            what: format!("a readable {} ({error})", list.display()),
        })?;
        for file in [&tools.python, &tools.simulator] {
            present(file)?;
        }
        Ok(tools)
    }

    /// The broker's files.
    pub fn rabbitmq(&self) -> Result<&RabbitTools, TestbedError> {
        let rabbitmq = self.rabbitmq.as_ref().ok_or(TestbedError::NotSetUp {
            what: "RabbitMQ".to_owned(),
        })?;
        present(&rabbitmq.server)?;
        present(&rabbitmq.erlang_bin.join("erl"))?;
        Ok(rabbitmq)
    }

    /// The file that the set-up writes last.
    pub fn list() -> PathBuf {
        Self::folder().join("tools.json")
    }
}

pub(crate) fn target_folder() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => folder.into(),
        None => project_folder().join("target"),
    }
}

/// The folder of the workspace.
pub(crate) fn project_folder() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

fn present(file: &Path) -> Result<(), TestbedError> {
    if file.exists() {
        Ok(())
    } else {
        Err(TestbedError::missing(file))
    }
}
