//! Taking over a changed configuration.

use bergen_config::Configuration;

use super::handle::Reply;

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

/// Reads the configuration again, off the launcher's own thread. Whether that worked; if not, the log
/// says why, and everything stays as it was.
pub(crate) async fn reread(configuration: Configuration, method: RestartMethod) -> bool {
    let read = tokio::task::spawn_blocking(move || match method {
        RestartMethod::Reload => configuration.reload().is_ok(),
        RestartMethod::Mutate => configuration.mutate().is_ok(),
    });
    // A hook of the program that panics has told so itself.
    read.await.unwrap_or(false)
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

    /// The pass is over, which those are told that asked for it. Whether another is to begin now.
    pub(crate) fn finish(&mut self) -> bool {
        for reply in self.current.take().into_iter().flatten() {
            let _ = reply.send(Vec::new());
        }
        self.current = self.next.take();
        self.current.is_some()
    }

    pub(crate) fn is_running(&self) -> bool {
        self.current.is_some()
    }
}
