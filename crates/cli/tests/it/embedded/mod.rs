//! `bergen broker`: the program as a broker.

mod refusals;
mod running;
mod users;

use std::path::PathBuf;
use std::process::Command;

use crate::program::{Service, program};

/// The command, on a free port of this machine.
fn command(arguments: &[&str]) -> Command {
    let arguments = [&["broker", "--listen", "127.0.0.1:0"], arguments].concat();
    program("", &arguments)
}

/// A running broker and its URL.
async fn broker(arguments: &[&str]) -> (Service, String) {
    started(command(arguments)).await
}

async fn started(command: Command) -> (Service, String) {
    let service = Service::spawn(command).await;
    let url = service.ready.trim_start_matches("ready: ").to_owned();
    (service, url)
}

/// A folder of its own, gone when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("bergen-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn path(&self, file: &str) -> String {
        self.0.join(file).display().to_string()
    }

    /// Writes a file that only we may read.
    fn write(&self, file: &str, text: &str) -> String {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path(file);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
