use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::watch;

/// How many of a program's last lines are kept to be shown when something fails.
const TAIL: usize = 400;

/// The last lines of a program's output.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    kept: Arc<Mutex<VecDeque<String>>>,
    /// Goes up with every line and at the end.
    pub(crate) count: Arc<watch::Sender<u64>>,
    readers: Arc<watch::Sender<usize>>,
}

impl Lines {
    pub(crate) async fn collect(self, from: impl AsyncRead + Unpin) {
        self.readers.send_modify(|readers| *readers += 1);
        let mut from = BufReader::new(from).lines();
        while let Ok(Some(line)) = from.next_line().await {
            self.push(line);
        }
        self.readers.send_modify(|readers| *readers -= 1);
    }

    /// Waits until the program's pipes are closed, not for long: a grandchild may hold them.
    pub(crate) async fn closed(&self) {
        let mut readers = self.readers.subscribe();
        let closed = readers.wait_for(|readers| *readers == 0);
        let _ = tokio::time::timeout(Duration::from_secs(2), closed).await;
    }

    pub(crate) fn push(&self, line: String) {
        let mut lines = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == TAIL {
            lines.pop_front();
        }
        lines.push_back(line);
        drop(lines);
        self.count.send_modify(|count| *count += 1);
    }

    pub(crate) fn find(&self, text: &str) -> Option<String> {
        let lines = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().find(|line| line.contains(text)).cloned()
    }

    pub(crate) fn tail(&self) -> String {
        let mut lines = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        lines.make_contiguous().join("\n")
    }
}
