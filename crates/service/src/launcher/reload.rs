//! Taking over a changed configuration.

use bergen_config::Configuration;

use super::handle::{Reply, Role, WorkerAnswer};

#[cfg(test)]
mod tests;

/// What SIGHUP does in a daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RestartMethod {
    /// All options take their new values, and the services begin anew: a supervisor replaces its workers; a process
    /// without workers stops its services, makes them again and starts them. The library's default, as oslo.service's.
    #[default]
    Reload,
    /// The options that are marked mutable take their new values, and the services are
    /// [`reset`](crate::Service::reset). Workers and their connections stay. What nova and neutron choose.
    Mutate,
}

/// How a process got on with a reload; if it did not, why. Goes from workers to their supervisor as JSON.
pub(crate) type Outcome = Result<(), String>;

/// Why a process did not reload that was at its end.
pub(crate) const ENDED: &str = "the process ended before it had reloaded";

/// Reads the configuration again, off the launcher's own thread. If that does not work, everything stays as it was.
pub(crate) async fn reread(configuration: Configuration, method: RestartMethod) -> Outcome {
    let read = tokio::task::spawn_blocking(move || {
        let read = match method {
            RestartMethod::Reload => configuration.reload().map(drop),
            RestartMethod::Mutate => configuration.mutate().map(drop),
        };
        read.map_err(|error| error.to_string())
    });
    read.await.unwrap_or_else(|_| {
        Err("a hook of the program has panicked; its log says where".to_owned())
    })
}

/// An outcome as it goes to whoever asked.
pub(crate) fn answer(role: &Role, outcome: &Outcome) -> WorkerAnswer {
    WorkerAnswer::own(role, serde_json::to_value(outcome).ok())
}

/// Requests to reload, in passes: one at a time. Those that come during one share the next.
#[derive(Debug, Default)]
pub(crate) struct Passes {
    current: Option<Vec<Reply>>,
    next: Option<Vec<Reply>>,
}

impl Passes {
    /// Asks for a pass. Whether it is to begin now.
    pub(crate) fn request(&mut self, reply: Option<Reply>) -> bool {
        let begins = self.current.is_none();
        let pass = if begins {
            &mut self.current
        } else {
            &mut self.next
        };
        pass.get_or_insert_default().extend(reply);
        begins
    }

    /// The pass is over, and those that asked for it are told how it went. Whether another is to begin now.
    pub(crate) fn finish(&mut self, answers: &[WorkerAnswer]) -> bool {
        for reply in self.current.take().into_iter().flatten() {
            let _ = reply.send(answers.to_vec());
        }
        self.current = self.next.take();
        self.current.is_some()
    }

    pub(crate) fn is_running(&self) -> bool {
        self.current.is_some()
    }
}
