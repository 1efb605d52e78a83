//! Finding the bindings of a headers exchange that a message meets.

use std::{collections::HashMap, sync::Arc};

use bergen_amqp::codec::{FieldTable, FieldValue};

use super::{
    Refusal,
    bindings::Destination,
    comparable::{Comparable, ComparableArguments},
    targets::Targets,
};

/// The patterns of all bindings, found by the headers they ask for.
///
/// A message is looked up once for each of its headers. A pattern that wants any of its headers stands under each of
/// them, one that wants all under one of them, the rest is compared when that one is met.
#[derive(Debug, Default)]
pub(super) struct HeadersIndex {
    patterns: HashMap<ComparableArguments, Pattern>,
    /// The patterns that ask for this header.
    asked: HashMap<Box<str>, HashMap<Wanted, Vec<ComparableArguments>>>,
    /// Those that ask for nothing and so take every message.
    all: Vec<ComparableArguments>,
}

#[derive(Debug)]
struct Pattern {
    any: bool,
    pairs: Vec<(Box<str>, Wanted)>,
    targets: Targets,
}

/// What a pattern wants of one header.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Wanted {
    /// To be there.
    Present,
    Value(Comparable),
}

/// Which headers a pattern asks for: the value of `x-match`.
#[derive(Debug, Clone, Copy, Default)]
struct Match {
    any: bool,
    with_x: bool,
}

/// Refuses what is no `x-match`.
pub(super) fn check_arguments(arguments: &FieldTable<'_>) -> Result<(), Refusal> {
    match x_match(arguments) {
        Ok(_) => Ok(()),
        Err(FieldValue::LongString(text)) => Err(Refusal::precondition_failed(format!(
            "Invalid x-match field value <<\"{}\">>; expected all, any, all-with-x, or any-with-x",
            String::from_utf8_lossy(text)
        ))),
        Err(value) => Err(Refusal::precondition_failed(format!(
            "Invalid x-match field type {} (value {}); expected longstr",
            super::arguments::type_name(value),
            super::arguments::shown(value)
        ))),
    }
}

impl HeadersIndex {
    /// `key` is `arguments` to compare.
    pub(super) fn insert(
        &mut self,
        key: &ComparableArguments,
        arguments: &FieldTable<'_>,
        destination: &Destination,
    ) {
        if !self.patterns.contains_key(key) {
            let pattern = Pattern::new(arguments);
            for place in pattern.places() {
                match place {
                    Some((name, wanted)) => self
                        .asked
                        .entry(name.clone())
                        .or_default()
                        .entry(wanted.clone())
                        .or_default()
                        .push(Arc::clone(key)),
                    None => self.all.push(Arc::clone(key)),
                }
            }
            self.patterns.insert(Arc::clone(key), pattern);
        }
        if let Some(pattern) = self.patterns.get_mut(key) {
            pattern.targets.insert(destination);
        }
    }

    pub(super) fn remove(&mut self, key: &ComparableArguments, destination: &Destination) {
        let Some(pattern) = self.patterns.get_mut(key) else {
            return;
        };
        pattern.targets.remove(destination);
        if !pattern.targets.is_empty() {
            return;
        }
        let Some(pattern) = self.patterns.remove(key) else {
            return;
        };
        for place in pattern.places() {
            let Some((name, wanted)) = place else {
                self.all.retain(|other| other != key);
                continue;
            };
            let Some(values) = self.asked.get_mut(name) else {
                continue;
            };
            if let Some(keys) = values.get_mut(wanted) {
                keys.retain(|other| other != key);
                if keys.is_empty() {
                    values.remove(wanted);
                }
            }
            if values.is_empty() {
                self.asked.remove(name);
            }
        }
    }

    /// Calls `each` for the destinations of all patterns that these headers meet.
    pub(super) fn matching(
        &self,
        headers: Option<&FieldTable<'_>>,
        each: &mut dyn FnMut(&Destination),
    ) {
        for key in &self.all {
            if let Some(pattern) = self.patterns.get(key) {
                pattern.targets.iter().for_each(&mut *each);
            }
        }
        if self.asked.is_empty() {
            return;
        }
        let headers: HashMap<_, _> = headers.into_iter().flat_map(FieldTable::iter).collect();
        for (name, value) in &headers {
            let Some(values) = self.asked.get(*name) else {
                continue;
            };
            for wanted in [Wanted::Present, Wanted::Value((*value).into())] {
                for pattern in values
                    .get(&wanted)
                    .into_iter()
                    .flatten()
                    .filter_map(|key| self.patterns.get(key))
                    .filter(|pattern| pattern.any || pattern.is_met_by(&headers))
                {
                    pattern.targets.iter().for_each(&mut *each);
                }
            }
        }
    }
}

impl Pattern {
    fn new(arguments: &FieldTable<'_>) -> Self {
        let kind = x_match(arguments).unwrap_or_default();
        let asks = |name: &str| {
            if kind.with_x {
                name != "x-match"
            } else {
                !name.starts_with("x-")
            }
        };
        Self {
            any: kind.any,
            pairs: arguments
                .iter()
                .filter(|(name, _)| asks(name))
                .map(|(name, value)| (name.into(), Wanted::by(value)))
                .collect(),
            targets: Targets::default(),
        }
    }

    /// Where the index keeps it: under these headers, or (`None`) among those that take everything.
    fn places(&self) -> impl Iterator<Item = Option<&(Box<str>, Wanted)>> {
        let under = if self.any { self.pairs.len() } else { 1 };
        let everything = !self.any && self.pairs.is_empty();
        self.pairs
            .iter()
            .take(under)
            .map(Some)
            .chain(everything.then_some(None))
    }

    fn is_met_by(&self, headers: &HashMap<&str, &FieldValue<'_>>) -> bool {
        self.pairs.iter().all(|(name, wanted)| {
            let value = headers.get(&**name);
            match wanted {
                Wanted::Present => value.is_some(),
                Wanted::Value(wanted) => {
                    value.is_some_and(|value| Comparable::from(*value) == *wanted)
                }
            }
        })
    }
}

impl Wanted {
    fn by(value: &FieldValue<'_>) -> Self {
        match value {
            FieldValue::Void => Self::Present,
            value => Self::Value(value.into()),
        }
    }
}

fn x_match<'t, 'a>(arguments: &'t FieldTable<'a>) -> Result<Match, &'t FieldValue<'a>> {
    let Some(value) = arguments.get("x-match") else {
        return Ok(Match::default());
    };
    let (any, with_x) = match value {
        FieldValue::LongString(text) => match text.as_ref() {
            b"all" => (false, false),
            b"any" => (true, false),
            b"all-with-x" => (false, true),
            b"any-with-x" => (true, true),
            _ => return Err(value),
        },
        _ => return Err(value),
    };
    Ok(Match { any, with_x })
}

#[cfg(test)]
mod tests;
