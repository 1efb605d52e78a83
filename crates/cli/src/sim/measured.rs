//! What the clients of a simulator run measured, each for itself and all together.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::report::Series;
use crate::exit::Failed;

/// What the clients measure.
pub(super) struct Measured {
    clients: Vec<Mutex<Traffic>>,
    all: Mutex<Traffic>,
    errors: Mutex<Errors>,
}

/// What went out, and what came back.
struct Traffic {
    sent: Series,
    round_trips: Series,
}

#[derive(Default)]
struct Errors {
    count: u64,
    first: Option<Failed>,
}

impl Measured {
    /// For so many clients.
    pub(super) fn of(clients: u32) -> Self {
        let traffic = || Mutex::new(Traffic::new());
        Self {
            clients: (0..clients).map(|_| traffic()).collect(),
            all: traffic(),
            errors: Mutex::default(),
        }
    }

    /// Counts what a client has sent.
    pub(super) fn sent(&self, client: usize, size: usize) {
        self.record(client, |traffic| traffic.sent.record(size, None));
    }

    /// Counts what a client got answered, and how long that took.
    pub(super) fn round_trip(&self, client: usize, size: usize, took: Option<Duration>) {
        self.record(client, |traffic| traffic.round_trips.record(size, took));
    }

    /// Counts a failure; whether another message may fare better.
    pub(super) fn failed(&self, error: Failed) -> bool {
        let may_fare_better = !is_in_vain(&error);
        let mut errors = lock(&self.errors);
        errors.count += 1;
        errors.first.get_or_insert(error);
        may_fare_better
    }

    /// The first failure, once.
    pub(super) fn first_failure(&self) -> Option<Failed> {
        lock(&self.errors).first.take()
    }

    /// Says what was measured of so many `kind`, and writes it down.
    pub(super) fn report(&self, kind: &str, json: Option<&Path>) -> Result<(), Failed> {
        let all = lock(&self.all);
        let clients: Vec<_> = self.clients.iter().map(lock).collect();
        let errors = lock(&self.errors).count;
        let summary = json!({
            "client": all.sent.summary(),
            "round_trip": all.round_trips.summary(),
            "error": {"count": errors},
        });
        // A chart for each of many clients would hide what there is to see.
        super::describe("all clients", &all.sent, json)?;
        if all.round_trips.count() > 0 {
            super::describe("all round trips", &all.round_trips, json)?;
        }
        let mut series = Vec::new();
        for (number, client) in clients.iter().enumerate() {
            series.push((format!("client_{number}"), &client.sent));
            if client.round_trips.count() > 0 {
                series.push((format!("round_trip_{number}"), &client.round_trips));
            }
        }
        super::write(&series, &summary, json)?;
        let total = format!("{kind}: {} sent, {errors} failed", all.sent.count());
        super::say(&total, json)
    }

    fn record(&self, client: usize, record: impl Fn(&mut Traffic)) {
        let own = self.clients.get(client);
        for traffic in own.into_iter().chain([&self.all]) {
            record(&mut lock(traffic));
        }
    }
}

impl Traffic {
    fn new() -> Self {
        Self {
            sent: Series::new(),
            round_trips: Series::new(),
        }
    }
}

/// A bar for so many messages, on terminals.
pub(super) fn progress(messages: u64) -> ProgressBar {
    let progress = ProgressBar::new(messages);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta}") {
        progress.set_style(style);
    }
    progress
}

/// Whether no broker or no server was there to take the message.
fn is_in_vain(failed: &Failed) -> bool {
    let nobody_listens = matches!(
        failed,
        Failed::Timeout {
            nobody_listens: true,
            ..
        }
    );
    nobody_listens || matches!(failed.code(), 4 | 5)
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
