//! Reading a file of callgrind: what each function took by itself, and how often it was called.

use std::collections::HashMap;

use crate::sections::PARTS;

/// The counts of one run by function.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Profile {
    /// Instructions of a function, without those of the functions it calls.
    own: HashMap<String, u64>,
    calls: HashMap<String, u64>,
}

impl Profile {
    /// Reads a file. It has lines `fn=(number) name`, where the name stands only the first time, with
    /// lines `place instructions` below it; a call is `cfn=(number) name`, `calls=times place` and one
    /// line with what the call took, which the function called has as its own already.
    pub(super) fn read(text: &str) -> Self {
        let mut profile = Self::default();
        let mut names = HashMap::new();
        let (mut function, mut called) = (String::new(), String::new());
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(name) = line.strip_prefix("fn=") {
                function = full_name(&mut names, name);
            } else if let Some(name) = line.strip_prefix("cfn=") {
                called = full_name(&mut names, name);
            } else if let Some(calls) = line.strip_prefix("calls=") {
                *profile.calls.entry(called.clone()).or_default() += number(calls, 0);
                lines.next();
            } else if line
                .starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first))
            {
                *profile.own.entry(function.clone()).or_default() += number(line, 1);
            }
        }
        profile
    }

    /// All instructions.
    pub(super) fn total(&self) -> u64 {
        self.own.values().sum()
    }

    /// How often the functions of these names were called.
    pub(super) fn calls(&self, names: &[&str]) -> u64 {
        let of = |name: &&str| self.calls.get(*name).copied().unwrap_or(0);
        names.iter().map(of).sum()
    }

    /// Instructions by part of the program, in the order of [`PARTS`]; a function is of the part
    /// whose mark stands first in its name, and of the last part if none does.
    pub(super) fn parts(&self) -> [u64; PARTS.len()] {
        let mut parts = [0; PARTS.len()];
        for (name, own) in &self.own {
            let places = PARTS.iter().enumerate().filter_map(|(index, part)| {
                let places = part.marks.iter().filter_map(|mark| name.find(mark));
                // Of two marks at one place the longer one says more, and stands further up.
                Some((places.min()?, index))
            });
            let index = places.min().map_or(PARTS.len() - 1, |(_, index)| index);
            if let Some(part) = parts.get_mut(index) {
                *part += own;
            }
        }
        parts
    }
}

fn full_name(names: &mut HashMap<String, String>, text: &str) -> String {
    match text.split_once(' ') {
        Some((number, name)) => {
            names.insert(number.to_owned(), name.to_owned());
            name.to_owned()
        }
        None => names.get(text).cloned().unwrap_or_default(),
    }
}

fn number(line: &str, word: usize) -> u64 {
    let number = line.split(' ').nth(word).and_then(|word| word.parse().ok());
    number.unwrap_or(0)
}
