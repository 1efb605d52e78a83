//! Received JSON in logs: secrets blanked, length bounded, control characters escaped.

use std::fmt::{self, Write};

use crate::wire::{Context, JsonKind, RawJson};

/// Shows JSON for a log line. The values of keys that name secrets, such as `password` or `auth_token`, are blanked at
/// any depth.
///
/// Nothing is computed before it is written, so a line that no one asks for costs nothing.
pub(crate) struct Masked<'a>(pub(crate) &'a RawJson);

impl fmt::Display for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bounded = Bounded {
            out: f,
            left: LONGEST,
        };
        match write_value(&mut bounded, self.0, 0) {
            Err(_) if bounded.left == 0 => f.write_str("…"),
            result => result,
        }
    }
}

/// The same as JSON, of any length.
pub(crate) fn masked_json(value: &RawJson) -> String {
    let mut json = String::new();
    write_json(&mut json, value, 0);
    json
}

fn write_json(json: &mut String, value: &RawJson, depth: usize) {
    match value.kind() {
        JsonKind::Object | JsonKind::Array if depth == DEEPEST => json.push_str("\"…\""),
        JsonKind::Object => {
            json.push('{');
            for (index, (key, member)) in value.members().enumerate() {
                json.push_str(if index > 0 { ", " } else { "" });
                // Text always has a JSON form.
                json.push_str(&serde_json::to_string(&*key).unwrap_or_default());
                json.push_str(": ");
                if is_secret(&key) {
                    json.push_str("\"***\"");
                } else {
                    write_json(json, &member, depth + 1);
                }
            }
            json.push('}');
        }
        JsonKind::Array => {
            json.push('[');
            for (index, element) in value.elements().enumerate() {
                json.push_str(if index > 0 { ", " } else { "" });
                write_json(json, &element, depth + 1);
            }
            json.push(']');
        }
        _ => json.push_str(value.as_str()),
    }
}

/// Whether the value of this key must not be shown: its name holds one of the words that OpenStack's own logs blank.
pub(crate) fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| key.contains(word))
}

/// The context without tokens, passwords and the catalogue of services.
pub(crate) fn without_secrets(context: &Context) -> Context {
    let mut redacted = Context::default();
    let kept = context
        .iter()
        .filter(|(key, _)| !is_secret(key) && *key != "service_catalog");
    kept.for_each(|(key, value)| redacted.insert_raw(key.to_owned(), value.clone()));
    redacted
}

/// Parts of names that mark a secret. Each covers longer names: `token` those of `auth_token` and of
/// `_context_auth_token`, `password` those of `admin_password` and `chappassword`.
const SECRET_WORDS: &[&str] = &[
    "adminpass",
    "admin_pass",
    "configdrive",
    "encrypted_key",
    "fernetkey",
    "new_pass",
    "passphrase",
    "password",
    "private_key",
    "pswd",
    "secret",
    "sshkey",
    "sslkey",
    "token",
];

fn write_value(out: &mut Bounded<'_, '_>, value: &RawJson, depth: usize) -> fmt::Result {
    match value.kind() {
        JsonKind::Object | JsonKind::Array if depth == DEEPEST => out.write_str("…"),
        JsonKind::Object => {
            out.write_str("{")?;
            for (index, (key, member)) in value.members().enumerate() {
                if index > 0 {
                    out.write_str(", ")?;
                }
                write!(out, "{key:?}: ")?;
                if is_secret(&key) {
                    out.write_str("\"***\"")?;
                } else {
                    write_value(out, &member, depth + 1)?;
                }
            }
            out.write_str("}")
        }
        JsonKind::Array => {
            out.write_str("[")?;
            for (index, element) in value.elements().enumerate() {
                if index > 0 {
                    out.write_str(", ")?;
                }
                write_value(out, &element, depth + 1)?;
            }
            out.write_str("]")
        }
        _ => value.as_str().chars().try_for_each(|character| {
            if character.is_control() {
                write!(out, "{}", character.escape_default())
            } else {
                out.write_char(character)
            }
        }),
    }
}

/// Stops with an error when the line is long enough.
struct Bounded<'a, 'b> {
    out: &'a mut fmt::Formatter<'b>,
    left: usize,
}

impl Write for Bounded<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if let Some(left) = self.left.checked_sub(text.len()) {
            self.left = left;
            return self.out.write_str(text);
        }
        let end = (0..=self.left)
            .rev()
            .find(|end| text.is_char_boundary(*end))
            .unwrap_or(0);
        self.left = 0;
        self.out.write_str(text.get(..end).unwrap_or_default())?;
        Err(fmt::Error)
    }
}

/// Bytes of JSON in one log line; enough to recognise a message by.
const LONGEST: usize = 4096;
/// Levels of nesting shown; it also bounds the recursion.
const DEEPEST: usize = 16;

#[cfg(test)]
mod tests;
