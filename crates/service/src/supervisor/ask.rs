//! Asking the workers.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::Supervisor;
use crate::launcher::handle::WorkerAnswer;
use crate::worker::channel::Request;

impl Supervisor {
    /// Asks all workers at once. Their answers are there when the last has answered, or `patience` is over.
    pub(super) fn ask_children(
        &self,
        request: &Request,
        patience: Option<Duration>,
    ) -> impl Future<Output = Vec<WorkerAnswer>> + use<> {
        // A worker that has not started yet is late, not stuck.
        let asked = self
            .slots
            .iter()
            .filter(|slot| slot.started || *request != Request::Ping);
        let mut answers = Vec::new();
        for slot in asked {
            if let Some(child) = &slot.child {
                let answer = child.ask(request.clone());
                answers.push((slot.identity.clone(), child.pid(), answer));
            }
        }
        async move {
            let deadline = patience.map(|patience| Instant::now() + patience);
            let mut collected = Vec::new();
            for (identity, pid, answer) in answers {
                let answer = match deadline {
                    Some(deadline) => timeout_at(deadline, answer).await.unwrap_or_default(),
                    None => answer.await,
                };
                collected.push(WorkerAnswer {
                    service: identity.service,
                    index: identity.index,
                    pid,
                    answer,
                });
            }
            collected
        }
    }
}
