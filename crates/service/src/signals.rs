//! The signals of a service.

use std::io;

use tokio::signal::unix::{self, SignalKind};

/// A signal, by what it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// SIGTERM: end, when what runs is done.
    Terminate,
    /// SIGINT: end at once.
    Interrupt,
    /// SIGHUP: read the configuration again, or end; see [`is_daemon`].
    HangUp,
    /// SIGUSR2: report.
    Report,
}

/// The signals that a launcher handles. From its making on none of them ends the process by itself.
///
/// It lives on the runtime of the launcher's own thread, where no service runs, so that nothing that a service does can
/// delay a signal. SIGPIPE needs no handler: Rust's runtime ignores it.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hang_up: unix::Signal,
    report: unix::Signal,
}

impl Signals {
    pub(crate) fn install() -> io::Result<Self> {
        Ok(Self {
            terminate: unix::signal(SignalKind::terminate())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
            hang_up: unix::signal(SignalKind::hangup())?,
            report: unix::signal(SignalKind::user_defined2())?,
        })
    }

    /// The next one; the more urgent of several. Several of a kind that nobody has taken yet are one.
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.hang_up.recv() => Signal::HangUp,
            _ = self.report.recv() => Signal::Report,
        }
    }
}

/// Whether the process runs in the background: its standard output is no terminal, or its group is not the one in the
/// terminal's foreground. oslo.service's rule for what SIGHUP means.
pub(crate) fn is_daemon() -> bool {
    rustix::termios::tcgetpgrp(io::stdout())
        .map_or(true, |foreground| foreground != rustix::process::getpgrp())
}
