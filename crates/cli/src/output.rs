//! What goes to the terminal. Remote text never reaches it with its control characters.

use std::fmt::Write as _;
use std::io::{self, ErrorKind, IsTerminal, Write as _};

use bergen::wire::RawJson;
use serde::Serialize;

use crate::exit::Failed;

/// Prints a result on stdout: indented on a terminal, one line elsewhere.
///
/// Numbers and strings stay as the peer wrote them, also those that JSON does not have (`NaN`,
/// `Infinity`) and integers of any size.
pub(crate) fn result(result: &RawJson) -> Result<(), Failed> {
    let indent = io::stdout().is_terminal();
    line(&json(result.as_str(), indent))
}

/// Prints a value as one line of JSON.
pub(crate) fn json_line(value: &impl Serialize) -> Result<(), Failed> {
    let json = RawJson::encode(value)
        .map_err(|error| Failed::System(format!("cannot write the output: {error}")))?;
    line(&self::json(json.as_str(), false))
}

/// Prints a line on stdout.
pub(crate) fn line(text: &str) -> Result<(), Failed> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failed::ReaderGone),
        Err(error) => Err(Failed::System(format!("cannot write the output: {error}"))),
    }
}

/// Prints a line on stdout that nobody has to read, for what goes on without readers.
pub(crate) fn announce(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{}", escaped(text)).and_then(|()| out.flush());
}

/// Says something on stderr, with our name before it. Whether anybody reads it does not matter.
pub(crate) fn diagnose(text: &str) {
    let _ = writeln!(io::stderr().lock(), "bergen: {}", escaped(text));
}

/// Says more about it on stderr.
pub(crate) fn detail(text: &str) {
    let _ = writeln!(io::stderr().lock(), "  {}", escaped(text));
}

/// The text with control characters made visible.
pub(crate) fn escaped(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |mut out, character| {
            if steers(character) {
                out.extend(character.escape_default());
            } else {
                out.push(character);
            }
            out
        })
}

/// Control characters, and those that turn the direction of the text: with them a line shows other text than it holds.
fn steers(character: char) -> bool {
    let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || character.is_control()
}

/// JSON laid out anew: with two spaces for each level, or in one line.
///
/// `text` is known to be JSON, so that only strings have to be told from the rest.
fn json(text: &str, indent: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut depth = 0_usize;
    let mut characters = text.chars().peekable();
    let new_line = |out: &mut String, depth: usize| {
        if indent {
            out.push('\n');
            out.extend(std::iter::repeat_n("  ", depth));
        }
    };
    while let Some(character) = characters.next() {
        match character {
            '"' => {
                out.push('"');
                let mut is_escape = false;
                for character in characters.by_ref() {
                    push_escaped(&mut out, character);
                    if character == '"' && !is_escape {
                        break;
                    }
                    is_escape = character == '\\' && !is_escape;
                }
            }
            '{' | '[' => {
                out.push(character);
                while characters.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(end) = characters.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(character);
            }
            ',' => {
                out.push(',');
                new_line(&mut out, depth);
            }
            ':' => out.push_str(if indent { ": " } else { ":" }),
            other if other.is_ascii_whitespace() => {}
            other => out.push(other),
        }
    }
    out
}

/// A character of a JSON string; control characters as JSON escapes them.
fn push_escaped(out: &mut String, character: char) {
    if steers(character) {
        let _ = write!(out, "\\u{:04x}", u32::from(character));
    } else {
        out.push(character);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_cannot_steer_the_terminal() {
        assert_eq!(escaped("a\u{1b}[2Jb\nc\u{9b}é"), "a\\u{1b}[2Jb\\nc\\u{9b}é");
        assert_eq!(escaped("a\u{202e}cba"), "a\\u{202e}cba");
        assert_eq!(json("\"\u{202e}\"", false), r#""\u202e""#);
        assert_eq!(json("\"\u{9b}2J\u{7f}é\"", true), r#""\u009b2J\u007fé""#);
    }

    #[test]
    fn json_is_laid_out_and_not_changed() {
        let text =
            " {\"a\" :\n[1, 1.0, NaN,1208925819614629174706176], \"b\\\"{\\\\\": { } ,\"c\":[ ]}";
        let expected = r#"{"a":[1,1.0,NaN,1208925819614629174706176],"b\"{\\":{},"c":[]}"#;
        assert_eq!(json(text, false), expected);
        let indented = "{\n  \"a\": [\n    1,\n    1.0,\n    NaN,\n    1208925819614629174706176\n  ],\
                        \n  \"b\\\"{\\\\\": {},\n  \"c\": []\n}";
        assert_eq!(json(text, true), indented);
        assert_eq!(json(&json(text, true), false), expected);
    }
}
