//! When to end: SIGTERM and Ctrl-C.

use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;

use crate::exit::Failed;

/// Which signal came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// SIGTERM.
    Terminate,
    /// SIGINT.
    Interrupt,
}

/// Waits for SIGTERM or SIGINT.
pub(crate) async fn requested() -> Result<Signal, Failed> {
    let listen = |kind| signal(kind).map_err(|error| Failed::System(format!("cannot watch signals: {error}")));
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => Ok(Signal::Terminate),
        _ = interrupt.recv() => Ok(Signal::Interrupt),
    }
}

/// Runs `work`, unless a signal comes first: then the work is dropped, which gives its call up.
pub(crate) async fn unless_interrupted<T>(work: impl Future<Output = Result<T, Failed>>) -> Result<T, Failed> {
    tokio::select! {
        done = work => done,
        signal = requested() => {
            signal?;
            Err(Failed::Interrupted)
        }
    }
}
