//! The line at the bottom of the terminal that shows how the broker is.

use std::convert::Infallible;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use bergen_broker::{Broker, State};

/// How often it is drawn anew.
const INTERVAL: Duration = Duration::from_secs(1);
/// Erases the line.
const ERASE: &str = "\r\x1b[2K";

/// What the line shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Census {
    connections: usize,
    queues: usize,
    messages: u64,
    bytes: u64,
    published: u64,
    delivered: u64,
    blocked: bool,
}

/// Shows the status on stderr, if that is a terminal, until dropped.
pub(super) async fn show(broker: &Broker) -> Infallible {
    if !io::stderr().is_terminal() {
        return std::future::pending().await;
    }
    let _line = Line;
    let mut before: Option<(Instant, Census)> = None;
    loop {
        let Ok(census) = broker.control().ask(|state| Census::of(state)).await else {
            return std::future::pending().await;
        };
        let now = Instant::now();
        let since = before.map(|(at, before)| (now - at, before));
        // The cursor goes back to the beginning, so that a line of the log overwrites this one.
        let _ = write!(io::stderr(), "{ERASE}{}\r", census.line(since));
        before = Some((now, census));
        tokio::time::sleep(INTERVAL).await;
    }
}

/// The line is erased when this is dropped.
struct Line;

impl Drop for Line {
    fn drop(&mut self) {
        let _ = write!(io::stderr(), "{ERASE}");
    }
}

impl Census {
    fn of(state: &State) -> Self {
        let mut census = Self {
            connections: state.connection_count(),
            published: state.totals().published,
            delivered: state.totals().delivered + state.totals().got,
            blocked: state.alarm().is_some(),
            ..Self::default()
        };
        for host in state.virtual_hosts().filter_map(|name| state.host(name)) {
            census.queues += host.queue_count();
            census.bytes += host.message_bytes();
            let queues = host.queues();
            census.messages += queues
                .map(|queue| queue.ready + queue.unacknowledged)
                .sum::<u64>();
        }
        census
    }

    fn line(&self, since: Option<(Duration, Self)>) -> String {
        let rate = |now: u64, then: fn(&Self) -> u64| {
            let Some((elapsed, before)) = &since else {
                return 0;
            };
            let milliseconds = elapsed.as_millis().max(1);
            u128::from(now.saturating_sub(then(before))) * 1000 / milliseconds
        };
        let blocked = if self.blocked {
            "publishers wait: memory or disk is short  "
        } else {
            ""
        };
        format!(
            "{blocked}{} connections  {} queues  {} messages ({})  in {}/s  out {}/s",
            self.connections,
            self.queues,
            self.messages,
            size(self.bytes),
            rate(self.published, |before| before.published),
            rate(self.delivered, |before| before.delivered),
        )
    }
}

/// A number of bytes for people.
fn size(bytes: u64) -> String {
    let mut number = bytes;
    for unit in ["B", "KiB", "MiB"] {
        if number < 10_000 {
            return format!("{number} {unit}");
        }
        number /= 1024;
    }
    format!("{number} GiB")
}

#[cfg(test)]
mod tests;
