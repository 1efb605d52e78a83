//! How the story looks.

use std::io::IsTerminal;
use std::time::Duration;

use crate::exit::Failed;
use crate::output;

/// Where the times stand.
const WIDTH: usize = 84;

/// What the next lines show.
pub(super) fn heading(text: &str) {
    let is_plain = std::env::var_os("NO_COLOR").is_some() || !std::io::stdout().is_terminal();
    let text = output::escaped(text);
    // Who has stopped reading learns it with the next line.
    let _ = output::line("");
    let _ = if is_plain {
        output::line(&text)
    } else {
        output::line(&format!("\x1b[1m{text}\x1b[0m"))
    };
}

/// A line.
pub(super) fn tell(text: &str) -> Result<(), Failed> {
    output::line(&output::escaped(text))
}

/// What happened, and how long it took.
pub(super) fn told(text: &str, took: Duration) -> Result<(), Failed> {
    let text = output::escaped(text);
    let used = text.chars().count() + 2;
    let gap = " ".repeat(WIDTH.saturating_sub(used).max(2));
    output::line(&format!("  {text}{gap}{}", time(took)))
}

/// A time for people: never less than it was.
fn time(took: Duration) -> String {
    let milliseconds = took.as_secs_f64() * 1e3;
    if milliseconds < 10.0 {
        format!("{milliseconds:6.2} ms")
    } else {
        format!("{milliseconds:6.0} ms")
    }
}

#[cfg(test)]
mod tests;
