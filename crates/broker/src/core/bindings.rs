//! The bindings of one exchange.

use std::{
    collections::{
        BTreeMap, HashMap,
        btree_map::{Entry, Range},
    },
    ops::Bound,
    sync::Arc,
};

use bergen_amqp::codec::FieldTable;

use super::{
    ExchangeKind,
    comparable::{self, ComparableArguments},
    headers::HeadersIndex,
    ids::QueueId,
    memory,
    targets::Targets,
    topic_trie::TopicTrie,
};

/// Where messages go that a binding lets through.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Destination {
    Queue(QueueId),
    Exchange(Arc<str>),
}

/// What makes a binding the same binding: binding it again changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BindingKey {
    destination: Destination,
    routing_key: Arc<str>,
    arguments: ComparableArguments,
}

/// What else is known of a binding.
#[derive(Debug)]
pub(super) struct Binding {
    /// The name of its destination.
    pub(super) destination: Arc<str>,
    pub(super) arguments: FieldTable<'static>,
    /// Whether both ends are durable, and so the binding.
    pub(super) durable: bool,
}

/// The bindings of one exchange, with the index that finds those that a message meets.
#[derive(Debug)]
pub(super) struct Bindings {
    all: BTreeMap<BindingKey, Binding>,
    index: Index,
    /// What they count as in memory.
    memory: u64,
}

/// How destinations are found, by type of exchange. None of them looks at bindings that do not match.
#[derive(Debug)]
enum Index {
    Direct(HashMap<Arc<str>, Targets>),
    Topic(TopicTrie),
    Fanout(Targets),
    Headers(HeadersIndex),
}

impl BindingKey {
    pub(super) fn new(
        destination: Destination,
        routing_key: &str,
        arguments: &FieldTable<'_>,
    ) -> Self {
        Self {
            destination,
            routing_key: routing_key.into(),
            arguments: comparable::arguments(arguments),
        }
    }

    pub(super) fn destination(&self) -> &Destination {
        &self.destination
    }

    pub(super) fn routing_key(&self) -> &Arc<str> {
        &self.routing_key
    }
}

impl Bindings {
    pub(super) fn new(kind: ExchangeKind) -> Self {
        Self {
            all: BTreeMap::new(),
            memory: 0,
            index: match kind {
                ExchangeKind::Direct => Index::Direct(HashMap::new()),
                ExchangeKind::Topic => Index::Topic(TopicTrie::default()),
                ExchangeKind::Fanout => Index::Fanout(Targets::default()),
                ExchangeKind::Headers => Index::Headers(HeadersIndex::default()),
            },
        }
    }

    /// What they take, in bytes: an estimate.
    pub(super) fn memory(&self) -> u64 {
        self.memory
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&BindingKey, &Binding)> {
        self.all.iter()
    }

    /// Whether the binding is new.
    pub(super) fn insert(&mut self, key: BindingKey, binding: Binding) -> bool {
        let Entry::Vacant(place) = self.all.entry(key) else {
            return false;
        };
        let key = place.key();
        match &mut self.index {
            Index::Direct(keys) => keys
                .entry(Arc::clone(&key.routing_key))
                .or_default()
                .insert(&key.destination),
            Index::Topic(trie) => trie.insert(&key.routing_key, &key.destination),
            Index::Fanout(targets) => targets.insert(&key.destination),
            Index::Headers(index) => {
                index.insert(&key.arguments, &binding.arguments, &key.destination);
            }
        }
        self.memory += memory::of_binding(&key.routing_key, &binding.arguments);
        place.insert(binding);
        true
    }

    pub(super) fn remove(&mut self, key: &BindingKey) -> Option<Binding> {
        let binding = self.all.remove(key)?;
        self.memory -= memory::of_binding(&key.routing_key, &binding.arguments);
        match &mut self.index {
            Index::Direct(keys) => {
                if let Some(targets) = keys.get_mut(&key.routing_key) {
                    targets.remove(&key.destination);
                    if targets.is_empty() {
                        keys.remove(&key.routing_key);
                    }
                }
            }
            Index::Topic(trie) => trie.remove(&key.routing_key, &key.destination),
            Index::Fanout(targets) => targets.remove(&key.destination),
            Index::Headers(index) => index.remove(&key.arguments, &key.destination),
        }
        Some(binding)
    }

    pub(super) fn contains(&self, key: &BindingKey) -> bool {
        self.all.contains_key(key)
    }

    /// Whether anything goes to this destination.
    pub(super) fn reaches(&self, destination: &Destination) -> bool {
        self.from(destination)
            .next()
            .is_some_and(|(key, _)| key.destination == *destination)
    }

    /// Removes all that goes to this destination.
    pub(super) fn remove_destination(&mut self, destination: &Destination) {
        let keys: Vec<_> = self
            .from(destination)
            .map(|(key, _)| key.clone())
            .take_while(|key| key.destination == *destination)
            .collect();
        for key in &keys {
            self.remove(key);
        }
    }

    /// Calls `each` for the destinations that the message meets; for some of them more than once.
    pub(super) fn matching(
        &self,
        routing_key: &str,
        headers: Option<&FieldTable<'_>>,
        each: &mut dyn FnMut(&Destination),
    ) {
        match &self.index {
            Index::Direct(keys) => {
                if let Some(targets) = keys.get(routing_key) {
                    targets.iter().for_each(each);
                }
            }
            Index::Topic(trie) => trie.matching(routing_key, each),
            Index::Fanout(targets) => targets.iter().for_each(each),
            Index::Headers(index) => index.matching(headers, each),
        }
    }

    fn from(&self, destination: &Destination) -> Range<'_, BindingKey, Binding> {
        let first = BindingKey {
            destination: destination.clone(),
            routing_key: "".into(),
            arguments: ComparableArguments::default(),
        };
        self.all.range((Bound::Included(first), Bound::Unbounded))
    }
}
