use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::core::ids::QueueId;

fn queue(number: usize) -> Destination {
    Destination::Queue(QueueId::test(u32::try_from(number).unwrap()))
}

fn trie(patterns: &[impl AsRef<str>]) -> TopicTrie {
    let mut trie = TopicTrie::default();
    for (number, pattern) in patterns.iter().enumerate() {
        trie.insert(pattern.as_ref(), &queue(number));
    }
    trie
}

fn matching(trie: &TopicTrie, key: &str) -> Vec<Destination> {
    let mut found = Vec::new();
    trie.matching(key, &mut |destination| found.push(destination.clone()));
    found.sort();
    found
}

/// The definition, word by word.
fn meets(pattern: &[&str], key: &[&str]) -> bool {
    match (pattern, key) {
        ([], []) => true,
        (["#", rest @ ..], _) => (0..=key.len()).any(|skipped| meets(rest, &key[skipped..])),
        (["*", rest @ ..], [_, key @ ..]) => meets(rest, key),
        ([word, rest @ ..], [first, key @ ..]) => word == first && meets(rest, key),
        _ => false,
    }
}

fn split(text: &str) -> Vec<&str> {
    words(text).collect()
}

#[test]
fn patterns_of_the_specification() {
    let trie = trie(&["a.b", "a.*", "a.#", "#", "*.b", "#.b.#", "", "*", "a..b"]);
    let met = |key| {
        matching(&trie, key)
            .into_iter()
            .map(|found| (0..9).position(|number| queue(number) == found).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(met("a.b"), [0, 1, 2, 3, 4, 5]);
    assert_eq!(met("a"), [2, 3, 7]);
    assert_eq!(met("b"), [3, 5, 7]);
    assert_eq!(met(""), [3, 6]);
    assert_eq!(met("a..b"), [2, 3, 5, 8]);
    assert_eq!(met("a."), [1, 2, 3]);
    assert_eq!(met("x.y.b.z"), [3, 5]);
}

/// A walk that tries each way through the `#`s on its own would not end.
#[test]
fn many_hashes_cost_no_more_than_nodes_times_words() {
    let pattern = "#.a.".repeat(62) + "b";
    let trie = trie(&[&pattern]);
    assert_eq!(matching(&trie, &"a.".repeat(127)), []);
    assert_eq!(matching(&trie, &("a.".repeat(126) + "b")), [queue(0)]);
}

#[test]
fn what_is_unbound_leaves_nothing() {
    let patterns = ["a.b", "a.*.#", "#.#", "", "a"];
    let mut trie = trie(&patterns);
    trie.insert("a.b", &queue(7));
    trie.remove("never.bound", &queue(0));
    trie.remove("a.b", &queue(1));
    for (number, pattern) in patterns.iter().enumerate() {
        assert!(matching(&trie, "a.b").contains(&queue(0)) || number > 0);
        trie.remove(pattern, &queue(number));
    }
    assert_eq!(matching(&trie, "a.b"), [queue(7)]);
    trie.remove("a.b", &queue(7));
    assert!(trie.is_empty());
}

proptest! {
    #[test]
    fn finds_what_the_definition_finds(
        patterns in prop::collection::vec("([ab*#]?(\\.[ab*#]?){0,4})?", 0..12),
        removed in prop::collection::vec(any::<bool>(), 12),
        keys in prop::collection::vec("([ab]?(\\.[ab]?){0,5})?", 1..8),
    ) {
        let mut trie = trie(&patterns);
        for (number, pattern) in patterns.iter().enumerate() {
            if removed[number] {
                trie.remove(pattern, &queue(number));
            }
        }
        for key in &keys {
            let found = matching(&trie, key);
            let expected: Vec<_> = (0..patterns.len())
                .filter(|number| !removed[*number])
                .filter(|number| meets(&split(&patterns[*number]), &split(key)))
                .map(queue)
                .collect();
            let unique: BTreeSet<_> = found.iter().cloned().collect();
            prop_assert_eq!(unique.len(), found.len(), "each once: {:?}", patterns);
            prop_assert_eq!(found, expected, "{:?} {:?}", patterns, key);
        }
        for (number, pattern) in patterns.iter().enumerate() {
            if !removed[number] {
                trie.remove(pattern, &queue(number));
            }
        }
        prop_assert!(trie.is_empty());
    }
}
