//! A choice of what was sent, to be looked at and checked.

use std::fmt::Write;
use std::sync::Arc;

use super::sent::{Kind, Sent};

/// Messages that were sent, in their order; made by [`TestBus::sent`](crate::TestBus::sent). Each filter leaves those
/// that it names; each check says, when it fails, what was there instead.
#[derive(Debug, Clone)]
pub struct Messages {
    all: Arc<[Sent]>,
    chosen: Vec<Sent>,
    filters: String,
}

impl Messages {
    pub(crate) fn new(all: Vec<Sent>) -> Self {
        Self {
            chosen: all.clone(),
            all: all.into(),
            filters: String::new(),
        }
    }

    /// Only calls.
    #[must_use]
    pub fn calls(self) -> Self {
        self.of_kind(Kind::Call)
    }

    /// Only casts to one server.
    #[must_use]
    pub fn casts(self) -> Self {
        self.of_kind(Kind::Cast)
    }

    /// Only casts to every server of a topic.
    #[must_use]
    pub fn fanouts(self) -> Self {
        self.of_kind(Kind::Fanout)
    }

    /// Only notifications.
    #[must_use]
    pub fn notifications(self) -> Self {
        self.of_kind(Kind::Notification)
    }

    /// Only what was sent to this topic, whichever server.
    #[must_use]
    pub fn topic(self, topic: &str) -> Self {
        self.only(&format!("topic {topic:?}"), |sent| {
            sent.target.topic.as_deref() == Some(topic)
        })
    }

    /// Only what was sent to this server of its topic.
    #[must_use]
    pub fn server(self, server: &str) -> Self {
        self.only(&format!("server {server:?}"), |sent| {
            sent.target.server.as_deref() == Some(server)
        })
    }

    /// Only what asks for this method; of notifications, those of this event type.
    #[must_use]
    pub fn method(self, method: &str) -> Self {
        self.only(&format!("method {method:?}"), |sent| sent.method == method)
    }

    /// Only what `keep` says yes to; `what` describes it in failures.
    #[must_use]
    pub fn that(self, what: &str, keep: impl FnMut(&Sent) -> bool) -> Self {
        self.only(what, keep)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.chosen.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.chosen.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Sent> {
        self.chosen.iter()
    }

    /// Checks that there is one, and yields it.
    ///
    /// # Panics
    /// There are none, or more.
    #[track_caller]
    pub fn assert_one(self) -> Sent {
        self.check(self.chosen.len() == 1, "exactly one message");
        match self.chosen.into_iter().next() {
            Some(sent) => sent,
            None => unreachable!("there is one"),
        }
    }

    /// Checks how many there are.
    ///
    /// # Panics
    /// There are more or fewer.
    #[track_caller]
    pub fn assert_count(&self, count: usize) -> &Self {
        self.check(self.chosen.len() == count, &format!("{count} messages"));
        self
    }

    /// Checks that there are none.
    ///
    /// # Panics
    /// There are some.
    #[track_caller]
    pub fn assert_none(&self) {
        self.check(self.chosen.is_empty(), "no message");
    }

    /// Checks that these methods were asked for, in this order and no others.
    ///
    /// # Panics
    /// There were others, or in another order.
    #[track_caller]
    pub fn assert_methods(&self, methods: &[&str]) -> &Self {
        let same = self
            .chosen
            .iter()
            .map(|sent| &*sent.method)
            .eq(methods.iter().copied());
        self.check(same, &format!("the methods {methods:?}"));
        self
    }

    fn of_kind(self, kind: Kind) -> Self {
        self.only(&format!("{kind}s"), |sent| sent.kind == kind)
    }

    fn only(mut self, filter: &str, keep: impl FnMut(&Sent) -> bool) -> Self {
        self.chosen.retain(keep);
        let separator = if self.filters.is_empty() { "" } else { ", " };
        self.filters.push_str(separator);
        self.filters.push_str(filter);
        self
    }

    #[track_caller]
    fn check(&self, holds: bool, expected: &str) {
        if holds {
            return;
        }
        let of = if self.filters.is_empty() {
            "all that was sent"
        } else {
            &self.filters
        };
        let mut text = format!("expected {expected} of: {of}\nfound {}", list(&self.chosen));
        if self.chosen.len() < self.all.len() {
            let _ = write!(text, "\nin all there were {}", list(&self.all));
        }
        panic!("{text}");
    }
}

impl IntoIterator for Messages {
    type Item = Sent;
    type IntoIter = std::vec::IntoIter<Sent>;

    fn into_iter(self) -> Self::IntoIter {
        self.chosen.into_iter()
    }
}

impl<'a> IntoIterator for &'a Messages {
    type Item = &'a Sent;
    type IntoIter = std::slice::Iter<'a, Sent>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

fn list(messages: &[Sent]) -> String {
    let mut text = format!("{}:", messages.len());
    for sent in messages.iter().take(SHOWN) {
        let _ = write!(text, "\n  {sent}");
    }
    if messages.len() > SHOWN {
        let _ = write!(text, "\n  and {} more", messages.len() - SHOWN);
    }
    text
}

/// Messages that a failure shows at most.
const SHOWN: usize = 20;
