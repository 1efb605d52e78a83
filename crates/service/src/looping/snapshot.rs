//! What a looping call does now.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What a looping call does now, and what it counted since it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoopingCallSnapshot {
    /// As it was given.
    pub name: String,
    /// Of a dynamic call its maximum, of a back-off call its `starting_interval`.
    pub interval: Option<Duration>,
    /// Started and not ended.
    pub running: bool,
    /// Runs that ended.
    pub runs: u64,
    /// Those of them that failed.
    pub failures: u64,
    /// How long ago the last run began.
    pub since_last_run: Option<Duration>,
    /// How long the last run that ended took.
    pub last_duration: Option<Duration>,
    /// What it sleeps yet. None while a run is in progress, and when it is not running.
    pub until_next_run: Option<Duration>,
}

/// Where the loop writes down what it does.
pub(super) struct Progress {
    name: String,
    interval: Option<Duration>,
    state: Mutex<State>,
}

impl Progress {
    pub(super) fn new(name: String, interval: Option<Duration>) -> Self {
        Self {
            name,
            interval,
            state: Mutex::default(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn started(&self) {
        self.state().running = true;
    }

    pub(super) fn run_begun(&self) -> Instant {
        let now = Instant::now();
        let mut state = self.state();
        state.last_run = Some(now);
        state.next_run = None;
        now
    }

    pub(super) fn run_ended(&self, begun: Instant, failed: bool) {
        let mut state = self.state();
        state.runs += 1;
        state.failures += u64::from(failed);
        state.last_duration = Some(begun.elapsed());
    }

    pub(super) fn sleeping(&self, idle: Duration) {
        // A sleep without an end has no next run.
        self.state().next_run = Instant::now().checked_add(idle);
    }

    pub(super) fn ended(&self) {
        let mut state = self.state();
        state.running = false;
        state.next_run = None;
    }

    pub(super) fn snapshot(&self) -> LoopingCallSnapshot {
        let state = self.state();
        let now = Instant::now();
        LoopingCallSnapshot {
            name: self.name.clone(),
            interval: self.interval,
            running: state.running,
            runs: state.runs,
            failures: state.failures,
            since_last_run: state.last_run.map(|last| now.duration_since(last)),
            last_duration: state.last_duration,
            until_next_run: state.next_run.map(|next| next.duration_since(now)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct State {
    running: bool,
    runs: u64,
    failures: u64,
    last_run: Option<Instant>,
    last_duration: Option<Duration>,
    next_run: Option<Instant>,
}
