//! Names for what comes and goes.

/// A client of one virtual host. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub(super) Id);

/// A channel of one connection. Never used twice, unlike its number on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(pub(super) Id);

/// A queue while it lives. Never used twice: one that is declared again under its name is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct QueueId(pub(super) Id);

/// A consumer. Never used twice, unlike its tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ConsumerId(pub(super) Id);

/// The place of a message in its queue: what came later has a higher one. In a stream it is the offset.
///
/// A message that is requeued goes back to its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

/// A place in an [`Arena`](super::arena::Arena) and which of those that lived there is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Id {
    pub(super) index: u32,
    pub(super) generation: u32,
}

#[cfg(test)]
impl QueueId {
    /// Some id, for tests of what only passes ids on.
    pub(super) fn test(index: u32) -> Self {
        Self(Id {
            index,
            generation: 0,
        })
    }
}
