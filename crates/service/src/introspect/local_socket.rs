//! A Unix socket that only its owner can use.

use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

#[cfg(test)]
mod tests;

/// A listening Unix socket of mode 0600, which takes our own user and root alone. It goes with this value.
///
/// The mode comes a moment after the socket, so the peer's user is looked at for each connection as well.
#[derive(Debug)]
pub(crate) struct LocalSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl LocalSocket {
    /// Listens at a path. Its folder is made if it is missing, for us alone. A socket that nobody listens at any more is
    /// removed, once; anything else that is in the way stays.
    pub(crate) async fn bind(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent()
            && !folder.as_os_str().is_empty()
            && !folder.exists()
        {
            std::fs::DirBuilder::new().mode(0o700).create(folder)?;
        }
        let listener = match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_stale(path).await => {
                std::fs::remove_file(path)?;
                UnixListener::bind(path)?
            }
            bound => bound?,
        };
        let socket = Self {
            listener,
            path: path.to_owned(),
        };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        Ok(socket)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The next connection of somebody who may have one.
    pub(crate) async fn accept(&self) -> io::Result<UnixStream> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            let peer = stream.peer_cred()?.uid();
            if is_trusted(peer, rustix::process::geteuid().as_raw()) {
                return Ok(stream);
            }
            tracing::warn!(uid = peer, socket = %self.path.display(), "refused a connection of another user");
        }
    }
}

impl Drop for LocalSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Whether a user may come in: the one that the process runs as, and root, who can do everything anyway.
fn is_trusted(peer: u32, own: u32) -> bool {
    peer == own || peer == 0
}

/// Whether there is a socket that nobody listens at.
async fn is_stale(path: &Path) -> bool {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|data| data.file_type().is_socket());
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    is_socket && UnixStream::connect(path).await.is_err_and(refused)
}
