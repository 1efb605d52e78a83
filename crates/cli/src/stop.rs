//! When to end: SIGTERM and Ctrl-C.

use tokio::signal::unix::{self, SignalKind};

use crate::exit::Failed;

/// Which signal came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// SIGTERM.
    Terminate,
    /// SIGINT, as Ctrl-C sends it.
    Interrupt,
}

/// Lets SIGHUP pass without effect from now on: a plain server has nothing to read again.
pub(crate) fn ignore_hangup() -> Result<(), Failed> {
    watch(SignalKind::hangup()).map(drop)
}

/// The signals that ask this program to end. From its creation on they no longer end it by
/// themselves.
pub(crate) struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
}

impl Signals {
    /// Watches for SIGTERM and SIGINT.
    pub(crate) fn watch() -> Result<Self, Failed> {
        Ok(Self {
            terminate: watch(SignalKind::terminate())?,
            interrupt: watch(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Interrupt,
        }
    }

    /// Runs `work`, unless a signal comes first: then the work is dropped, which gives its call
    /// up.
    pub(crate) async fn unless<T>(
        &mut self,
        work: impl Future<Output = Result<T, Failed>>,
    ) -> Result<T, Failed> {
        tokio::select! {
            done = work => done,
            signal = self.next() => Err(Failed::Stopped(signal)),
        }
    }
}

fn watch(kind: SignalKind) -> Result<unix::Signal, Failed> {
    unix::signal(kind).map_err(|error| Failed::System(format!("cannot watch signals: {error}")))
}
