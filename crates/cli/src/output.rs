//! What goes to the terminal. Remote text never reaches it with its control characters.

use std::io::IsTerminal;
use std::io::Write;

use bergen::wire::RawJson;

/// Prints a result on stdout: indented on a terminal, one line elsewhere.
///
/// Values that JSON does not have (`NaN`, `Infinity`, integers of any size) are printed as the peer wrote them.
pub(crate) fn result(result: &RawJson) {
    let strict = std::io::stdout()
        .is_terminal()
        .then(|| serde_json::from_str::<serde_json::Value>(result.as_str()).ok())
        .flatten();
    match strict.and_then(|value| serde_json::to_string_pretty(&value).ok()) {
        Some(pretty) => line(&pretty),
        None => line(&escaped(result.as_str())),
    }
}

/// Prints a line on stdout. A reader that went away is no error.
pub(crate) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Says something on stderr, with our name before it.
pub(crate) fn diagnose(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "bergen: {}", escaped(text));
}

/// Shows a line that a peer wrote, on stderr.
pub(crate) fn remote_line(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "  {}", escaped(text));
}

/// The text with control characters made visible.
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, character| {
        if character.is_control() {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_cannot_steer_the_terminal() {
        assert_eq!(escaped("a\u{1b}[2Jb\nc\u{9b}é"), "a\\u{1b}[2Jb\\nc\\u{9b}é");
    }
}
