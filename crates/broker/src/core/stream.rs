//! The log of a stream.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bergen_amqp::codec::FieldValue;

use super::{
    Body, Message, Position,
    arguments::{QueueSettings, interval, shown, type_name},
    memory,
};

/// Messages in the order in which they came, each at its offset. Readers do not change it; age and size do.
///
/// RabbitMQ drops whole segments, once they are full; here a message goes when it is too old or too much, but never the
/// last one for its size.
#[derive(Debug)]
pub(super) struct Stream<B> {
    entries: VecDeque<Entry<B>>,
    /// The offset of the first entry.
    first: u64,
    bytes: u64,
    /// What its messages count as in memory.
    cost: u64,
    max_age: Option<Duration>,
    max_bytes: Option<u64>,
}

#[derive(Debug)]
struct Entry<B> {
    message: Arc<Message<B>>,
    /// Milliseconds since 1970.
    at: u64,
}

/// Where a consumer begins: `x-stream-offset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum StreamStart {
    /// With the first message that is left.
    First,
    /// With the last one.
    Last,
    /// With the one that comes next.
    #[default]
    Next,
    /// With this one.
    Offset(u64),
    /// With the first one that is not older than this: milliseconds since 1970.
    Since(u64),
    /// With the first one that is not older than this.
    Age(Duration),
}

impl StreamStart {
    /// Reads the value of `x-stream-offset`, or says what is wrong with it.
    pub(super) fn parse(value: &FieldValue<'_>) -> Result<Self, String> {
        let parsed = match value {
            FieldValue::Timestamp(seconds) => Some(Self::Since(seconds.saturating_mul(1000))),
            FieldValue::LongString(text) => match text.as_ref() {
                b"first" => Some(Self::First),
                b"last" => Some(Self::Last),
                b"next" => Some(Self::Next),
                text => std::str::from_utf8(text)
                    .ok()
                    .and_then(interval)
                    .map(Self::Age),
            },
            // One before the first is the first.
            number => number
                .as_i64()
                .map(|offset| Self::Offset(u64::try_from(offset).unwrap_or(0))),
        };
        parsed.ok_or_else(|| {
            let shown = match value {
                FieldValue::LongString(_) => format!("<<\"{}\">>", shown(value)),
                other => shown(other),
            };
            format!(
                "{{invalid_stream_offset_arg,{{{},{shown}}}}}",
                type_name(value)
            )
        })
    }
}

impl<B: Body> Stream<B> {
    pub(super) fn new(settings: &QueueSettings) -> Self {
        Self {
            entries: VecDeque::new(),
            first: 0,
            bytes: 0,
            cost: 0,
            max_age: settings.max_age,
            max_bytes: settings.max_length_bytes,
        }
    }

    /// `at` is in milliseconds since 1970.
    pub(super) fn append(&mut self, message: Arc<Message<B>>, at: u64) -> Position {
        let offset = self.next();
        self.bytes += size(&message);
        self.cost += u64::from(memory::of_message(&message));
        self.entries.push_back(Entry { message, at });
        Position(offset)
    }

    /// Puts back what was written down before a restart, in its order. What had its place before the first that is put
    /// back is gone.
    pub(super) fn restore(&mut self, position: Position, message: Arc<Message<B>>, at: u64) {
        if self.entries.is_empty() {
            self.first = self.first.max(position.0);
        }
        self.append(message, at);
    }

    pub(super) fn get(&self, offset: u64) -> Option<&Arc<Message<B>>> {
        let at = usize::try_from(offset.checked_sub(self.first)?).ok()?;
        self.entries.get(at).map(|entry| &entry.message)
    }

    /// The offset of the first message that is left, or that comes next.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The offset of the message that comes next.
    pub(super) fn next(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of all bodies.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What its messages count as in memory, in bytes.
    pub(super) fn cost(&self) -> u64 {
        self.cost
    }

    /// The offset of the first message that a consumer gets. It may lie ahead of the end; it may not be there any more
    /// when the consumer comes to it: then `first` is what it gets.
    pub(super) fn start(&self, start: StreamStart, now: u64) -> u64 {
        match start {
            StreamStart::First => self.first,
            StreamStart::Last => self.next().saturating_sub(1).max(self.first),
            StreamStart::Next => self.next(),
            StreamStart::Offset(offset) => offset.max(self.first),
            StreamStart::Since(time) => self.since(time),
            StreamStart::Age(age) => self.since(now.saturating_sub(milliseconds(age))),
        }
    }

    /// Drops what is too old or too much. The first that is kept, if anything went.
    pub(super) fn expire(&mut self, now: u64) -> Option<Position> {
        let before = self.first;
        while self.next_expiry().is_some_and(|time| time <= now)
            || self.entries.len() > 1 && self.max_bytes.is_some_and(|limit| self.bytes > limit)
        {
            self.drop_first();
        }
        (self.first > before).then_some(Position(self.first))
    }

    /// When the oldest message is too old: milliseconds since 1970.
    pub(super) fn next_expiry(&self) -> Option<u64> {
        let age = milliseconds(self.max_age?);
        Some(self.entries.front()?.at.saturating_add(age))
    }

    /// Drops all before this offset.
    pub(super) fn truncate(&mut self, before: Position) {
        while self.first < before.0 && !self.entries.is_empty() {
            self.drop_first();
        }
        // Offsets go on where they were, also when nothing is left.
        self.first = self.first.max(before.0);
    }

    fn drop_first(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.first += 1;
            self.bytes -= size(&entry.message);
            self.cost -= u64::from(memory::of_message(&entry.message));
        }
    }

    fn since(&self, time: u64) -> u64 {
        // The clock on the wall may have gone back between two messages; then any of those that fit will do.
        self.first + self.entries.partition_point(|entry| entry.at < time) as u64
    }
}

fn size<B: Body>(message: &Message<B>) -> u64 {
    message.body.size() as u64
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
