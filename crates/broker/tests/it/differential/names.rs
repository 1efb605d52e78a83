//! What the numbers of a program are called.

use super::program::QUEUES;

/// Names that no other program uses.
#[derive(Debug, Clone)]
pub(super) struct Names {
    prefix: String,
}

const KEYS: [&str; 5] = ["a", "a.b", "#", "*.b", ""];

impl Names {
    pub(super) fn new(run: usize) -> Self {
        Self {
            prefix: format!("p{run}"),
        }
    }

    pub(super) fn queue(&self, number: usize) -> String {
        format!("{}.q{number}", self.prefix)
    }

    /// 0 is the default exchange.
    pub(super) fn exchange(&self, number: usize) -> String {
        match number {
            0 => String::new(),
            1 => "amq.fanout".to_owned(),
            2 => "amq.topic".to_owned(),
            3 => "amq.headers".to_owned(),
            number => format!("{}.x{number}", self.prefix),
        }
    }

    /// Those that can be deleted.
    pub(super) fn own_exchanges(&self) -> impl Iterator<Item = String> {
        (4..super::program::EXCHANGES).map(|number| self.exchange(number))
    }

    /// A routing key: first the queues' names, then words and patterns.
    pub(super) fn key(&self, number: usize) -> String {
        match number.checked_sub(QUEUES) {
            None => self.queue(number),
            Some(number) => KEYS[number].to_owned(),
        }
    }
}
