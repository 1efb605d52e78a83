//! Finding the patterns of a topic exchange that a routing key meets.

use std::collections::HashMap;

use super::{bindings::Destination, targets::Targets};

/// Patterns as a tree of words: `*` stands for one word, `#` for any number of them, none included.
///
/// A key is walked word by word through all nodes it can be at, each node once, so the work is bounded by the words of
/// the key times the nodes that match, whatever the patterns.
#[derive(Debug, Default)]
pub(super) struct TopicTrie {
    root: Node,
}

#[derive(Debug, Default)]
struct Node {
    words: HashMap<Box<str>, Self>,
    star: Option<Box<Self>>,
    hash: Option<Box<Self>>,
    /// Whether this is the node behind a `#`: it stays where it is, whatever word comes.
    is_hash: bool,
    /// What is bound with the pattern that ends here.
    targets: Targets,
}

impl TopicTrie {
    pub(super) fn insert(&mut self, pattern: &str, destination: &Destination) {
        let mut node = &mut self.root;
        for word in words(pattern) {
            node = node.child_or_new(word);
        }
        node.targets.insert(destination);
    }

    pub(super) fn remove(&mut self, pattern: &str, destination: &Destination) {
        self.root.remove(&mut words(pattern), destination);
    }

    /// Calls `each` for the destinations of all patterns that the key meets.
    pub(super) fn matching(&self, key: &str, each: &mut dyn FnMut(&Destination)) {
        let mut here = vec![&self.root];
        add_behind_hashes(&mut here);
        let mut next = Vec::new();
        for word in words(key) {
            for node in &here {
                if node.is_hash {
                    next.push(*node);
                }
                next.extend(node.words.get(word));
                next.extend(node.star.as_deref());
            }
            add_behind_hashes(&mut next);
            // Only a node behind a `#` is reached in two ways: from before it, and by staying.
            next.sort_unstable_by_key(|node| std::ptr::from_ref(*node));
            next.dedup_by(|one, other| std::ptr::eq(*one, *other));
            std::mem::swap(&mut here, &mut next);
            next.clear();
            if here.is_empty() {
                return;
            }
        }
        for node in here {
            node.targets.iter().for_each(&mut *each);
        }
    }

    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.root.is_empty()
    }
}

impl Node {
    fn child_or_new(&mut self, word: &str) -> &mut Self {
        match word {
            "*" => self.star.get_or_insert_default(),
            "#" => {
                let node = self.hash.get_or_insert_default();
                node.is_hash = true;
                node
            }
            word => self.words.entry(word.into()).or_default(),
        }
    }

    /// Removes the destination from the end of this path, and the nodes that nothing needs any more. As deep as there
    /// are words in a short string: 256.
    fn remove(&mut self, path: &mut Words<'_>, destination: &Destination) {
        match path.next() {
            None => self.targets.remove(destination),
            Some("*") => remove_from(&mut self.star, path, destination),
            Some("#") => remove_from(&mut self.hash, path, destination),
            Some(word) => {
                if let Some(node) = self.words.get_mut(word) {
                    node.remove(path, destination);
                    if node.is_empty() {
                        self.words.remove(word);
                    }
                }
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.targets.is_empty()
            && self.words.is_empty()
            && self.star.is_none()
            && self.hash.is_none()
    }
}

type Words<'a> = std::iter::Flatten<std::option::IntoIter<std::str::Split<'a, char>>>;

/// The words between the dots. An empty key has none; `a.` has two, the last empty.
fn words(key: &str) -> Words<'_> {
    (!key.is_empty())
        .then(|| key.split('.'))
        .into_iter()
        .flatten()
}

fn remove_from(slot: &mut Option<Box<Node>>, path: &mut Words<'_>, destination: &Destination) {
    if let Some(node) = slot {
        node.remove(path, destination);
        if node.is_empty() {
            *slot = None;
        }
    }
}

/// Adds the nodes that are reached without a word: those behind a `#`.
fn add_behind_hashes(nodes: &mut Vec<&Node>) {
    let mut at = 0;
    while let Some(node) = nodes.get(at) {
        nodes.extend(node.hash.as_deref());
        at += 1;
    }
}

#[cfg(test)]
mod tests;
