//! What systemd is told.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

#[cfg(test)]
mod tests;

/// The environment variables by which systemd says where and how often to report. No worker gets them: only the process
/// that systemd knows reports. Its own environment keeps them: a program with threads can not change that safely, and
/// systemd hears nobody but the service's main process unless it is told to.
pub(crate) const VARIABLES: [&str; 3] = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/// The way to systemd, if it started us; otherwise everything is told to nobody.
///
/// What can not be sent is logged at level DEBUG and forgotten, as in oslo.service: a service does not end for want of
/// somebody to report to.
#[derive(Debug, Default)]
pub(crate) struct Systemd {
    socket: Option<OsString>,
    watchdog: Option<Duration>,
}

impl Systemd {
    /// As the environment says.
    pub(crate) fn from_environment() -> Self {
        let text = |name| env::var(name).ok();
        Self {
            socket: env::var_os("NOTIFY_SOCKET"),
            watchdog: watchdog_interval(
                text("WATCHDOG_USEC").as_deref(),
                text("WATCHDOG_PID").as_deref(),
                std::process::id(),
            ),
        }
    }

    /// How often to say that we are alive: half the time after which systemd takes us for dead.
    pub(crate) fn watchdog(&self) -> Option<Duration> {
        self.socket.as_ref().and(self.watchdog)
    }

    /// Everything has started, or a reload is over.
    pub(crate) fn ready(&self) {
        self.tell("READY=1\nSTATUS=Running");
    }

    /// The configuration is read again; [`ready`](Self::ready) follows.
    pub(crate) fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let microseconds = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
        self.tell(&format!(
            "RELOADING=1\nMONOTONIC_USEC={microseconds}\nSTATUS=Reading the configuration again"
        ));
    }

    /// The end has begun.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=Finishing what runs");
    }

    /// All are alive.
    pub(crate) fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    fn tell(&self, message: &str) {
        let Some(socket) = &self.socket else {
            return;
        };
        if let Err(error) = send(socket, message) {
            tracing::debug!(%error, "systemd could not be notified of {message:?}");
        }
    }
}

fn send(socket: &OsStr, message: &str) -> io::Result<()> {
    let address = match socket.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(socket)?,
    };
    let sender = UnixDatagram::unbound()?;
    // Nobody waits for a reader that does not read.
    sender.set_nonblocking(true)?;
    sender.send_to_addr(message.as_bytes(), &address)?;
    Ok(())
}

/// Half of `WATCHDOG_USEC`, unless `WATCHDOG_PID` names another process.
fn watchdog_interval(microseconds: Option<&str>, pid: Option<&str>, own: u32) -> Option<Duration> {
    if pid.is_some_and(|pid| pid.parse() != Ok(own)) {
        return None;
    }
    let microseconds: u64 = microseconds?.parse().ok()?;
    (microseconds > 1).then(|| Duration::from_micros(microseconds / 2))
}
