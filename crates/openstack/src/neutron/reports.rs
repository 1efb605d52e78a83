//! The heartbeat of an agent.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use bergen_service::{LoopingCall, StartOptions, TaskGroup};
use tokio::sync::Mutex;

use super::{AgentReport, AgentState, ReportError, ReportOutcome, StateReportClient};
use crate::context::RequestContext;

/// An agent whose state is reported.
pub trait Reporting: Send + Sync + 'static {
    /// Its state now. Asked for each report, since configurations hold counts.
    fn agent_state(&self) -> AgentState;

    /// A report was answered. After [`ReportOutcome::Revived`] the agent has to synchronise everything. Must not take
    /// long: a flag is set, or a task is woken.
    fn reported(&self, outcome: ReportOutcome) {
        let _ = outcome;
    }
}

/// Reports the state of an agent, again and again: its heartbeat.
///
/// Each report is a call, with the interval for a timeout. `start_flag` is sent until a report is accepted, and so are
/// `resource_versions`. A failure is logged and waits for the next tick.
///
/// Clones are the same reporter.
pub struct StateReporter<R> {
    agent: Arc<R>,
    client: StateReportClient,
    interval: Duration,
    /// Held while a report is on its way, so that two never overtake each other.
    progress: Arc<Mutex<Progress>>,
}

#[derive(Debug, Default)]
struct Progress {
    accepted: bool,
    failing: bool,
}

impl<R: Reporting> StateReporter<R> {
    /// A reporter with the `[AGENT] report_interval`, 30 s by default.
    pub fn new(client: &StateReportClient, agent: &Arc<R>, interval: Duration) -> Self {
        Self {
            agent: Arc::clone(agent),
            client: client.timeout(interval),
            interval,
            progress: Arc::default(),
        }
    }

    /// Starts the timer: first at once, then every interval. An interval of zero starts nothing, as in the peer.
    pub fn start(&self, tasks: &TaskGroup) -> Option<LoopingCall> {
        if self.interval.is_zero() {
            return None;
        }
        let reporter = self.clone();
        let options = StartOptions {
            stop_on_exception: false,
            ..StartOptions::default()
        };
        Some(
            tasks.add_timer("state_report", self.interval, options, move || {
                let reporter = reporter.clone();
                async move {
                    // It has been logged, and the next tick is the next attempt.
                    let _ = reporter.report_now().await;
                    Ok(ControlFlow::Continue(()))
                }
            }),
        )
    }

    /// Reports out of turn, as the L3 agent does before its first synchronisation.
    ///
    /// # Errors
    /// See [`ReportError`]. It has been logged.
    pub async fn report_now(&self) -> Result<ReportOutcome, ReportError> {
        let mut progress = self.progress.lock().await;
        let mut state = self.agent.agent_state();
        if progress.accepted {
            state.resource_versions = None;
        }
        let report = AgentReport::new(state, !progress.accepted);
        let context = RequestContext::admin_neutron().to_wire();
        let outcome = match self.client.report_state(&context, &report).await {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::error!(%error, "reporting the agent's state failed");
                progress.failing = true;
                return Err(error);
            }
        };
        if std::mem::take(&mut progress.failing) {
            tracing::info!("the agent's state is reported again");
        }
        progress.accepted |= outcome.is_accepted();
        match outcome {
            ReportOutcome::Revived => {
                tracing::info!("the server had taken this agent for dead: synchronising");
            }
            ReportOutcome::Stale => {
                tracing::debug!("the report was older than the server, which dropped it");
            }
            ReportOutcome::New | ReportOutcome::Alive => {}
        }
        self.agent.reported(outcome);
        Ok(outcome)
    }
}

impl<R> Clone for StateReporter<R> {
    fn clone(&self) -> Self {
        Self {
            agent: Arc::clone(&self.agent),
            client: self.client.clone(),
            interval: self.interval,
            progress: Arc::clone(&self.progress),
        }
    }
}

impl<R> fmt::Debug for StateReporter<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateReporter")
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
