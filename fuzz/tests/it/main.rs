//! Every fuzz body over its corpus and over mutations of it.
#![allow(
    clippy::indexing_slicing,
    reason = "tests may fail loudly, and so may their helpers"
)]

use std::{collections::BTreeSet, fs, path::PathBuf};

use bergen_fuzz::TARGETS;

const MUTATIONS: usize = 4_000;

#[test]
fn bodies_hold_over_their_corpus_and_its_mutations() {
    for target in TARGETS {
        let corpus = corpus(target.name);
        assert!(!corpus.is_empty(), "no corpus for {}", target.name);
        for entry in &corpus {
            (target.body)(entry);
        }
        // A fixed seed, so that a failure comes again.
        let mut random = fastrand::Rng::with_seed(0x0009_0001);
        for _ in 0..MUTATIONS {
            (target.body)(&mutated(&corpus, &mut random));
        }
    }
}

#[test]
fn bodies_corpora_and_binaries_belong_together() {
    let named: BTreeSet<_> = TARGETS
        .iter()
        .map(|target| target.name.to_owned())
        .collect();
    assert_eq!(names("corpus"), named);
    assert_eq!(names("fuzz_targets"), named);
}

/// Up to four changes to an entry: bytes set, cut off, taken out, doubled, or spliced in.
fn mutated(corpus: &[Vec<u8>], random: &mut fastrand::Rng) -> Vec<u8> {
    const TELLING: [u8; 8] = [0, 1, 0x7F, 0x80, 0xCE, 0xFF, b'F', b'A'];
    let mut data = corpus[random.usize(..corpus.len())].clone();
    for _ in 0..random.usize(1..=4) {
        let at = random.usize(..=data.len());
        let end = random.usize(at..=data.len());
        match random.u8(..6) {
            0 => data.truncate(at),
            1 => drop(data.drain(at..end)),
            2 => data.extend_from_within(at..end),
            3 => {
                let other = &corpus[random.usize(..corpus.len())];
                let from = random.usize(..=other.len());
                data.splice(at..end, other[from..].iter().copied());
            }
            4 if at < data.len() => data[at] = TELLING[random.usize(..TELLING.len())],
            _ if at < data.len() => data[at] = random.u8(..),
            _ => data.push(random.u8(..)),
        }
    }
    data
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let directory = root().join("corpus").join(name);
    let mut paths: Vec<_> = fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn names(directory: &str) -> BTreeSet<String> {
    fs::read_dir(root().join(directory))
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
