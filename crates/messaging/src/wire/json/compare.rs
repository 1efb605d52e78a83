//! Equality by value.

use std::borrow::Cow;
use std::collections::HashMap;

use super::JsonKind;
use super::string::{Lone, unescape};
use super::tape::Tape;

pub(super) fn same_value(left: &str, right: &str) -> bool {
    match (Tape::new(left), Tape::new(right)) {
        (Ok(left), Ok(right)) => same(&left, 0, &right, 0),
        _ => false,
    }
}

fn same(left: &Tape<'_>, l: usize, right: &Tape<'_>, r: usize) -> bool {
    if left.kind(l) != right.kind(r) {
        return false;
    }
    match left.kind(l) {
        JsonKind::Null | JsonKind::Bool => left.text(l) == right.text(r),
        JsonKind::Number => same_number(left.text(l), right.text(r)),
        JsonKind::String => string(left, l) == string(right, r),
        JsonKind::Array => {
            let (lefts, rights): (Vec<_>, Vec<_>) =
                (left.children(l).collect(), right.children(r).collect());
            lefts.len() == rights.len()
                && lefts
                    .iter()
                    .zip(&rights)
                    .all(|(l, r)| same(left, *l, right, *r))
        }
        JsonKind::Object => {
            let (lefts, rights) = (members(left, l), members(right, r));
            lefts.len() == rights.len()
                && lefts
                    .iter()
                    .all(|(key, l)| rights.get(key).is_some_and(|r| same(left, *l, right, *r)))
        }
    }
}

/// The last value of each name.
fn members<'a>(tape: &Tape<'a>, object: usize) -> HashMap<Cow<'a, str>, usize> {
    let children: Vec<_> = tape.children(object).collect();
    children
        .chunks_exact(2)
        .filter_map(|pair| <[usize; 2]>::try_from(pair).ok())
        .map(|[key, value]| (string(tape, key), value))
        .collect()
}

/// Lone surrogates stay escaped, so that different ones differ.
fn string<'a>(tape: &Tape<'a>, node: usize) -> Cow<'a, str> {
    unescape(tape.escaped(node), Lone::Keep).unwrap_or_default()
}

/// Integers compare exactly as far as 128 bits go, everything else as floats or by its text.
fn same_number(left: &str, right: &str) -> bool {
    if left == right {
        return true;
    }
    if let (Ok(left), Ok(right)) = (left.parse::<i128>(), right.parse::<i128>()) {
        return left == right;
    }
    let is_float = |text: &str| text.contains(['.', 'e', 'E']);
    match (left.parse::<f64>(), right.parse::<f64>()) {
        // Beyond 128 bits, floats are too coarse to compare two integers.
        (Ok(_), Ok(_)) if !is_float(left) && !is_float(right) => false,
        (Ok(left), Ok(right)) => left.total_cmp(&right).is_eq(),
        _ => false,
    }
}
