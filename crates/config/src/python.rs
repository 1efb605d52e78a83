//! What Python does with texts and values, where a configuration can tell the difference.

use std::fmt::{self, Write};

#[cfg(test)]
mod tests;

use crate::value::Value;

impl fmt::Display for Value {
    /// As Python's `str` shows it, which is what `$name` in another value becomes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(true) => f.write_str("True"),
            Self::Bool(false) => f.write_str("False"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Float(number) => float(f, *number),
            Self::Text(text) => f.write_str(text),
            Self::List(items) => {
                f.write_char('[')?;
                for (index, item) in items.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { ", " })?;
                    quoted(f, item)?;
                }
                f.write_char(']')
            }
            Self::Dict(items) => {
                f.write_char('{')?;
                for (index, (key, value)) in items.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { ", " })?;
                    quoted(f, key)?;
                    f.write_str(": ")?;
                    quoted(f, value)?;
                }
                f.write_char('}')
            }
        }
    }
}

/// `str.strip`.
pub(crate) fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// `str.isspace`: Python takes the four separators of ASCII for space, too.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

/// Digits may be grouped by single underscores; the number without them.
pub(crate) fn without_underscores(number: &str) -> Option<String> {
    let bytes = number.as_bytes();
    let digit = |index: Option<usize>| {
        index
            .and_then(|index| bytes.get(index))
            .is_some_and(u8::is_ascii_digit)
    };
    let grouping = |(index, _): (usize, _)| digit(index.checked_sub(1)) && digit(Some(index + 1));
    number
        .match_indices('_')
        .all(grouping)
        .then(|| number.replace('_', ""))
}

/// The shortest text that gives the number again; exponents have a sign and two digits.
fn float(f: &mut fmt::Formatter<'_>, number: f64) -> fmt::Result {
    let text = format!("{number:?}");
    let Some((digits, exponent)) = text.split_once('e') else {
        return f.write_str(&text);
    };
    match exponent.strip_prefix('-') {
        Some(exponent) => write!(f, "{digits}e-{exponent:0>2}"),
        None => write!(f, "{digits}e+{exponent:0>2}"),
    }
}

/// `repr` of a text.
fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    f.write_char(quote)?;
    for c in text.chars() {
        match c {
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            '\\' => f.write_str("\\\\")?,
            c if c == quote => write!(f, "\\{c}")?,
            c if u32::from(c) < 0x20 || c == '\x7f' => write!(f, "\\x{:02x}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char(quote)
}
