//! A worker: a process that a supervisor made to run one service.

pub(crate) mod channel;
pub(crate) mod link;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::parent_id;

use crate::LaunchError;

/// The environment variable that tells a worker which one it is.
pub(crate) const VARIABLE: &str = "BERGEN_WORKER";

/// Which worker of which service a process is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) service: String,
    pub(crate) index: usize,
}

impl Identity {
    /// What the variable says of this worker, a child of this process, whose end of the channel is `socket`.
    ///
    /// The socket's number is part of it: the variable reaches the children of a worker, too, and they are no workers,
    /// which shows in their standard input.
    pub(crate) fn to_variable(&self, socket: impl AsFd) -> io::Result<String> {
        let (number, supervisor) = (inode(socket)?, std::process::id());
        Ok(format!(
            "{number}:{supervisor}:{}:{}",
            self.index, self.service
        ))
    }

    /// The worker that the variable speaks of, if `socket` is its end of the channel.
    ///
    /// # Errors
    /// It is not, and yet the process is a child of the supervisor, `parent`: its standard input was changed. Taken for
    /// anything else than a worker it would supervise workers of its own, and they theirs.
    fn from_variable(
        text: &str,
        parent: u32,
        socket: impl AsFd,
    ) -> Result<Option<Self>, LaunchError> {
        let mut parts = text.splitn(4, ':');
        let mut number = || parts.next()?.parse::<u64>().ok();
        let (Some(socket_number), Some(supervisor), Some(index)) = (number(), number(), number())
        else {
            return Ok(None);
        };
        let (Some(service), Ok(index)) = (parts.next(), usize::try_from(index)) else {
            return Ok(None);
        };
        if inode(socket).is_ok_and(|number| number == socket_number) {
            let service = service.to_owned();
            return Ok(Some(Self { service, index }));
        }
        if u64::from(parent) == supervisor {
            return Err(LaunchError::ChannelLost);
        }
        Ok(None)
    }
}

/// Who this process is, if it is a worker, and its channel to the supervisor, which came as standard input. From then on
/// standard input is empty, so that neither the service nor its children can disturb the channel.
pub(crate) fn take() -> Result<Option<(Identity, UnixStream)>, LaunchError> {
    let Ok(variable) = std::env::var(VARIABLE) else {
        return Ok(None);
    };
    let input = io::stdin();
    let Some(identity) = Identity::from_variable(&variable, parent_id(), &input)? else {
        return Ok(None);
    };
    let channel =
        take_input(&input).map_err(LaunchError::system("the supervisor can not be reached"))?;
    Ok(Some((identity, channel)))
}

fn take_input(input: &io::Stdin) -> io::Result<UnixStream> {
    let channel: OwnedFd = input.as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok(channel.into())
}

fn inode(file: impl AsFd) -> io::Result<u64> {
    Ok(rustix::fs::fstat(file)?.st_ino)
}
