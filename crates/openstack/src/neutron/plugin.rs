//! The server's side of state reports.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bergen_messaging::driver::BoxFuture;
use bergen_messaging::rpc::{
    Call, Endpoint, MethodError, MethodInfo, MethodResult, Parameter, method_result,
};
use bergen_messaging::target::EndpointTarget;
use bergen_messaging::wire::convert::DateTime;
use serde::Deserialize;

use super::{AgentReport, ReportOutcome};

/// Where a server keeps its agents.
pub trait AgentStore: Send + Sync + 'static {
    /// Stores a report under the agent's type and host: its state, the server's own clock as the heartbeat, and at a
    /// [`start_flag`](AgentReport::start_flag) as the start. Gives how long ago the heartbeat before was; `None` if the
    /// agent was not known.
    ///
    /// # Errors
    /// The caller gets it.
    fn store(
        &self,
        report: &ReceivedReport,
    ) -> impl Future<Output = Result<Option<Duration>, MethodError>> + Send;

    /// Whether the database answers.
    fn is_alive(&self) -> impl Future<Output = bool> + Send {
        async { true }
    }
}

/// A report as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedReport {
    /// The report.
    pub report: AgentReport,
    /// When it was made, by the agent's clock.
    pub time: DateTime,
}

/// Answers state reports: what neutron-server serves on the topic `q-reports-plugin`.
///
/// A report from before the start of this process is dropped and answered with null, since its agent's connection may
/// have died meanwhile. Others are stored, and answered with `new`, `alive`, or `revived` after more than
/// `agent_down_time` without one.
#[derive(Debug)]
pub struct StateReportEndpoint<S> {
    store: Arc<S>,
    started: DateTime,
    agent_down_time: Duration,
}

impl<S: AgentStore> StateReportEndpoint<S> {
    /// The topic that it is to be served on.
    pub const TOPIC: &'static str = super::state::REPORTS_TOPIC;

    /// An endpoint of a process that starts now.
    pub fn new(store: Arc<S>, agent_down_time: Duration) -> Self {
        Self {
            store,
            started: DateTime::now(),
            agent_down_time,
        }
    }

    async fn report_state(&self, call: &Call) -> Result<Option<&'static str>, MethodError> {
        let mut arguments = call.bind("report_state", REPORT_STATE)?;
        let wrapped: Wrapped = arguments.take("agent_state")?;
        let time: String = arguments.take("time")?;
        let received = ReceivedReport {
            report: wrapped.agent_state,
            time: exact_time(&time)?,
        };
        let outcome = self.take(&received).await?;
        Ok(outcome.to_wire())
    }

    async fn take(&self, received: &ReceivedReport) -> Result<ReportOutcome, MethodError> {
        if received.time < self.started {
            tracing::debug!(
                host = received.report.state.host,
                "a report from before the start of this server is dropped"
            );
            return Ok(ReportOutcome::Stale);
        }
        if received.report.start_flag {
            self.compare_clocks(received);
        }
        Ok(match self.store.store(received).await? {
            None => ReportOutcome::New,
            Some(age) if age > self.agent_down_time => ReportOutcome::Revived,
            Some(_) => ReportOutcome::Alive,
        })
    }

    fn compare_clocks(&self, received: &ReceivedReport) {
        let micros = DateTime::now().unix_micros() - received.time.unix_micros();
        let difference = Duration::from_micros(micros.unsigned_abs());
        if difference > self.agent_down_time {
            let state = &received.report.state;
            tracing::error!(
                host = state.host,
                agent_type = state.agent_type,
                "the clock of the agent is {} s away from this server's",
                difference.as_secs()
            );
        }
    }
}

impl<S: AgentStore> Endpoint for StateReportEndpoint<S> {
    fn target(&self) -> EndpointTarget {
        EndpointTarget::new().version((1, 4))
    }

    fn methods(&self) -> &[MethodInfo] {
        METHODS
    }

    fn dispatch<'a>(&'a self, method: &'a str, call: Call) -> BoxFuture<'a, MethodResult> {
        Box::pin(async move {
            match method {
                "report_state" => method_result(method, self.report_state(&call).await),
                "has_alive_neutron_server" => {
                    method_result(method, Ok::<_, MethodError>(self.store.is_alive().await))
                }
                _ => Err(MethodError::no_such_method(method)),
            }
        })
    }
}

const METHODS: &[MethodInfo] = &[
    MethodInfo::new("report_state"),
    MethodInfo::new("has_alive_neutron_server"),
];

const REPORT_STATE: &[Parameter] = &[
    Parameter::required("agent_state"),
    Parameter::required("time"),
];

/// As agents send it.
#[derive(Deserialize)]
struct Wrapped {
    agent_state: AgentReport,
}

/// The time of a report has one form; everything else is a `ValueError` of Python's `strptime`.
fn exact_time(text: &str) -> Result<DateTime, MethodError> {
    let time = text.parse::<DateTime>().ok();
    time.filter(|time| time.to_string() == text).ok_or_else(|| {
        MethodError::value_error(format!(
            "time data '{text}' does not match format '%Y-%m-%dT%H:%M:%S.%f'"
        ))
    })
}

#[cfg(test)]
mod tests;
