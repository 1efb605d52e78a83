//! The pairs by which kombu marks what JSON has no form for.

use std::fmt::Write;

use super::string::{Lone, unescape};
use super::tape::Tape;
use super::{JsonKind, RawJson};
use crate::wire::convert::Uuid;

impl RawJson {
    /// The value with each `{"__type__": T, "__value__": V}`, at any depth, replaced by what a
    /// message in an envelope carries in its place: text for dates, times, decimals, UUIDs and
    /// bytes.
    ///
    /// Notifications of format 1.0 (driver `messaging`) have such pairs, since there the AMQP
    /// library encodes the payload instead of oslo.serialization. `base64` stays text in base64,
    /// and a pair of an unknown type stays as it is.
    #[must_use]
    pub fn untagged(&self) -> Self {
        // An escape may hide the name, but no peer writes one there.
        if !self.as_str().contains(TYPE) {
            return self.clone();
        }
        let Ok(tape) = Tape::new(self.as_str()) else {
            return self.clone();
        };
        let mut out = String::with_capacity(self.as_str().len());
        write_value(&tape, 0, &mut out);
        Self::parse(out).unwrap_or_else(|_| self.clone())
    }
}

const TYPE: &str = "\"__type__\"";
const VALUE: &str = "\"__value__\"";

/// Writes a value without its pairs. Recurses as deep as the text is nested, which has a limit.
fn write_value(tape: &Tape<'_>, node: usize, out: &mut String) {
    let (open, close, is_object) = match tape.kind(node) {
        JsonKind::Object if write_pair(tape, node, out).is_some() => return,
        JsonKind::Object => ('{', '}', true),
        JsonKind::Array => ('[', ']', false),
        _ => {
            out.push_str(tape.text(node));
            return;
        }
    };
    out.push(open);
    for (index, child) in tape.children(node).enumerate() {
        // Of an object, the children are names and values in turn.
        if is_object && index % 2 == 1 {
            out.push_str(": ");
        } else if index > 0 {
            out.push_str(", ");
        }
        write_value(tape, child, out);
    }
    out.push(close);
}

/// Writes what a pair stands for; nothing for another object.
fn write_pair(tape: &Tape<'_>, object: usize, out: &mut String) -> Option<()> {
    let members: Vec<usize> = tape.children(object).take(5).collect();
    let [first, one, second, two] = *<&[usize; 4]>::try_from(members.as_slice()).ok()?;
    let (tag, value) = match (tape.text(first), tape.text(second)) {
        (TYPE, VALUE) => (one, two),
        (VALUE, TYPE) => (two, one),
        _ => return None,
    };
    match tape.text(tag) {
        "\"datetime\"" | "\"date\"" | "\"time\"" | "\"decimal\"" | "\"bytes\"" | "\"base64\"" => {
            out.push_str(tape.text(value));
        }
        "\"uuid\"" => {
            let members: Vec<usize> = tape.children(value).collect();
            let pairs = members.chunks_exact(2);
            let hex = pairs
                .filter_map(|pair| <[usize; 2]>::try_from(pair).ok())
                .find(|[name, _]| tape.text(*name) == "\"hex\"")?[1];
            let hex = unescape(tape.escaped(hex), Lone::Replace).ok()?;
            let uuid: Uuid = hex.parse().ok()?;
            // A string takes everything.
            let _ = write!(out, "\"{uuid}\"");
        }
        _ => return None,
    }
    Some(())
}
