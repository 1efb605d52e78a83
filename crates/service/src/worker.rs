//! A worker: a process that a supervisor made to run one service.

pub(crate) mod channel;
pub(crate) mod link;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

/// The environment variable that tells a worker which one it is.
pub(crate) const VARIABLE: &str = "BERGEN_WORKER";

/// Which worker of which service a process is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) service: String,
    pub(crate) index: usize,
}

impl Identity {
    /// What the variable says of this worker, whose end of the channel is `socket`.
    ///
    /// The socket's number is part of it: the variable reaches the children of a worker, too, and they are no workers,
    /// which shows in their standard input.
    pub(crate) fn to_variable(&self, socket: impl AsFd) -> io::Result<String> {
        let number = inode(socket)?;
        Ok(format!("{number}:{}:{}", self.index, self.service))
    }

    /// The worker that the variable speaks of, if `socket` is its end of the channel.
    fn from_variable(text: &str, socket: impl AsFd) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let number: u64 = parts.next()?.parse().ok()?;
        let index = parts.next()?.parse().ok()?;
        let service = parts.next()?.to_owned();
        (inode(socket).ok()? == number).then_some(Self { service, index })
    }
}

/// Who this process is, if it is a worker, and its channel to the supervisor, which came as standard input. From then on
/// standard input is empty, so that neither the service nor its children can disturb the channel.
pub(crate) fn take() -> io::Result<Option<(Identity, UnixStream)>> {
    let input = io::stdin();
    let identity = std::env::var(VARIABLE)
        .ok()
        .and_then(|text| Identity::from_variable(&text, &input));
    let Some(identity) = identity else {
        return Ok(None);
    };
    let channel: OwnedFd = input.as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok(Some((identity, channel.into())))
}

fn inode(file: impl AsFd) -> io::Result<u64> {
    Ok(rustix::fs::fstat(file)?.st_ino)
}
