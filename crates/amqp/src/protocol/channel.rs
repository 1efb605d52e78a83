//! Channels and their numbers.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use super::{RequestId, Unsettled, confirms::Confirms, content::Content, deliveries::Deliveries};
use crate::codec::methods::MethodId;

/// Names one channel of one connection.
///
/// A number that is used again belongs to another channel, so what was meant for the old one (an
/// acknowledgement, say) is refused and never reaches the new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId {
    number: u16,
    generation: u32,
}

impl ChannelId {
    /// The number on the wire.
    pub fn number(self) -> u16 {
        self.number
    }
}

#[derive(Debug)]
pub(super) struct Channel {
    pub(super) id: ChannelId,
    pub(super) state: ChannelState,
    /// Client: synchronous requests in the order in which they were sent.
    pub(super) pending: VecDeque<Pending>,
    /// The message that is coming in.
    pub(super) content: Option<Content>,
    /// Client: set from the moment when `confirm.select` was sent.
    pub(super) confirms: Option<Confirms>,
    /// Server: number of the client's next publish, set from its `confirm.select` on.
    pub(super) next_publish: Option<u64>,
    /// Client: what was delivered.
    pub(super) deliveries: Deliveries,
    /// Client: who consumes.
    pub(super) consumers: HashMap<Arc<str>, Consumer>,
    /// Client: the broker has stopped our publishing.
    pub(super) flow_stopped: bool,
    /// The last exchange and routing key, which are most often the next ones too.
    pub(super) exchange: Interned,
    pub(super) routing_key: Interned,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChannelState {
    /// Client: `channel.open` is sent; the channel can be used already.
    Opening,
    Open,
    /// We have sent `close` and its owner waits to be told.
    Closing,
    /// We have sent `close` and its owner knows; only the number waits for `close-ok`.
    Dead,
}

/// A request whose answer is awaited.
#[derive(Debug)]
pub(super) struct Pending {
    /// Who waits; `None` if nobody does any more.
    pub(super) request: Option<RequestId>,
    pub(super) method: MethodId,
    pub(super) name: &'static str,
    /// For `basic.consume` and `basic.get`: what comes needs no settling.
    pub(super) no_ack: bool,
    /// For `basic.consume` and `basic.cancel`: the consumer, empty if the broker is to name it.
    pub(super) consumer_tag: Option<Box<str>>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Consumer {
    /// What comes needs no settling.
    pub(super) no_ack: bool,
    /// Nobody waited for its start; it is being cancelled.
    pub(super) abandoned: bool,
}

/// A string that is kept in case it comes again.
#[derive(Debug, Default)]
pub(super) struct Interned(Arc<str>);

impl Channel {
    fn new(id: ChannelId, state: ChannelState) -> Self {
        Self {
            id,
            state,
            pending: VecDeque::new(),
            content: None,
            confirms: None,
            next_publish: None,
            deliveries: Deliveries::default(),
            consumers: HashMap::new(),
            flow_stopped: false,
            exchange: Interned::default(),
            routing_key: Interned::default(),
        }
    }

    /// Whether its owner may use it.
    pub(super) fn is_usable(&self) -> bool {
        matches!(self.state, ChannelState::Opening | ChannelState::Open)
    }

    /// What will never be answered now; publishes are left out.
    pub(super) fn take_unsettled(&mut self) -> Unsettled {
        // The message that answers a `basic.get` may have come in part.
        let halfway = self.content.take().and_then(|content| content.request());
        let pending = self.pending.drain(..).filter_map(|pending| pending.request);
        Unsettled {
            requests: halfway.into_iter().chain(pending).collect(),
            publishes: Vec::new(),
            consumers: self
                .consumers
                .drain()
                .map(|(consumer_tag, _)| consumer_tag)
                .collect(),
        }
    }
}

impl Interned {
    pub(super) fn get(&mut self, text: &str) -> Arc<str> {
        if *self.0 != *text {
            self.0 = Arc::from(text);
        }
        Arc::clone(&self.0)
    }
}

/// All channels of a connection, by number.
#[derive(Debug, Default)]
pub(super) struct Channels {
    slots: Vec<Option<Box<Channel>>>,
    generation: u32,
}

impl Channels {
    pub(super) fn number(&mut self, number: u16) -> Option<&mut Channel> {
        self.slots.get_mut(usize::from(number))?.as_deref_mut()
    }

    pub(super) fn get(&self, id: ChannelId) -> Option<&Channel> {
        let channel = self.slots.get(usize::from(id.number))?.as_deref()?;
        (channel.id == id).then_some(channel)
    }

    pub(super) fn get_mut(&mut self, id: ChannelId) -> Option<&mut Channel> {
        self.number(id.number).filter(|channel| channel.id == id)
    }

    /// Takes a free number up to `limit`.
    pub(super) fn open_any(&mut self, limit: u16) -> Option<ChannelId> {
        // Number 0 is the connection's own.
        let free = self
            .slots
            .iter()
            .skip(1)
            .position(Option::is_none)
            .map(|at| at + 1);
        let number = u16::try_from(free.unwrap_or(self.slots.len().max(1))).ok()?;
        (number <= limit).then(|| self.insert(number, ChannelState::Opening))
    }

    /// Takes this number; `None` if it is in use.
    pub(super) fn open(&mut self, number: u16) -> Option<ChannelId> {
        match self.number(number) {
            Some(_) => None,
            None => Some(self.insert(number, ChannelState::Open)),
        }
    }

    pub(super) fn remove(&mut self, number: u16) -> Option<Box<Channel>> {
        self.slots.get_mut(usize::from(number))?.take()
    }

    /// Bytes of bodies that have come in part.
    pub(super) fn gathered(&self) -> usize {
        let open = self.slots.iter().flatten();
        open.filter_map(|channel| channel.content.as_ref())
            .map(Content::gathered)
            .sum()
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = Box<Channel>> {
        self.slots.drain(..).flatten()
    }

    fn insert(&mut self, number: u16, state: ChannelState) -> ChannelId {
        let at = usize::from(number);
        if self.slots.len() <= at {
            self.slots.resize_with(at + 1, || None);
        }
        self.generation = self.generation.wrapping_add(1);
        let id = ChannelId {
            number,
            generation: self.generation,
        };
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Some(Box::new(Channel::new(id, state)));
        }
        id
    }
}
