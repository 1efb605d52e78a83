//! Why a launcher did not launch.

/// Why a launcher did not launch. Nothing has run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// A second launch in one process; nova's `serve` refuses it as well.
    #[error("this process has launched its services already: give them all to one launcher")]
    AlreadyLaunched,
    /// There is no service.
    #[error("there is nothing to launch: give the launcher a service")]
    NoService,
    /// Two services of one name, so that their workers could not be told apart.
    #[error("there are two services named {service:?}: give each its own name")]
    SameName {
        /// The name.
        service: String,
    },
    /// A service with no worker.
    #[error("service {service:?} has 0 workers: give it at least 1, or leave it out")]
    NoWorkers {
        /// The service.
        service: String,
    },
    /// Launching blocks its thread and makes runtimes, so it is for `main`, outside of any.
    #[error(
        "a launcher can not run inside a tokio runtime: call it from a main function that is not async"
    )]
    InsideRuntime,
    /// A supervisor made this worker for a service that this program does not launch: it was replaced by another version.
    #[error("this worker is to run service {service:?}, which this program does not have")]
    UnknownService {
        /// The service.
        service: String,
    },
    /// The standard input of this worker is not the channel to its supervisor.
    #[error(
        "the program changed the standard input of this worker before the launch: launch first"
    )]
    ChannelLost,
    /// The operating system refused something.
    #[error("{what}: {reason}")]
    System {
        /// What was tried.
        what: &'static str,
        /// The system's answer.
        reason: String,
    },
}

impl LaunchError {
    pub(crate) fn system(what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self::System {
            what,
            reason: error.to_string(),
        }
    }
}
