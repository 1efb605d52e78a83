use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::guard::Guarded;
use crate::tools::target_folder;
use crate::{Management, Peer, TestbedError};

/// Our own broker, as `bergen broker` runs it: on free ports of the loopback interface, with its
/// management API, for `guest` with the password `guest`. Dropping it kills it.
#[derive(Debug)]
pub struct BergenBroker {
    peer: Peer,
    url: String,
    management_url: String,
}

impl BergenBroker {
    /// Starts the program that Cargo has built last, in its `debug` profile, and waits until it is
    /// ready. `arguments` are further options of `bergen broker`.
    pub async fn start(arguments: &[&str]) -> Result<Self, TestbedError> {
        let program = program();
        if !program.exists() {
            return Err(TestbedError::NotBuilt { program });
        }
        let mut command = Command::new(program);
        command
            .args(["broker", "--json", "--listen", "127.0.0.1:0"])
            .args(["--http", "127.0.0.1:0"])
            .args(arguments);
        let peer = Peer::start("bergen broker", command).await?;
        let text = |name: &str| {
            let text = peer.ready().get(name).and_then(Value::as_str);
            text.ok_or_else(|| TestbedError::NotJson {
                who: "bergen broker".to_owned(),
                line: peer.ready().to_string(),
                output: peer.output(),
            })
        };
        let url = text("url")?.to_owned();
        let management_url = text("http")?.replacen("http://", "http://guest:guest@", 1);
        Ok(Self {
            peer,
            url,
            management_url,
        })
    }

    /// A transport URL for a virtual host; `""` names `/`.
    pub fn url(&self, vhost: &str) -> String {
        format!("{}{vhost}", self.url)
    }

    /// Its management API, with the login.
    pub fn management_url(&self) -> &str {
        &self.management_url
    }

    /// A client of its management API.
    pub fn management(&self) -> Management {
        Management::new(&self.management_url)
    }

    /// The process itself: its number, signals.
    pub fn process(&mut self) -> &mut Guarded {
        self.peer.process()
    }

    /// The end of what it said about itself.
    pub fn output(&self) -> String {
        self.peer.output()
    }
}

fn program() -> PathBuf {
    target_folder().join("debug/bergen")
}
