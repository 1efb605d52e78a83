//! The table of a run, for the terminal and for the record.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::account::Account;
use crate::suite::Row;

const HEADINGS: [&str; 12] = [
    "row",
    "made",
    "answered",
    "failed",
    "lost",
    "with client",
    "hung",
    "twice elsewhere",
    "twice here",
    "silent, s",
    "resumed, s",
    "explained",
];

/// The table of all rows; it is Markdown, too.
pub fn table(rows: &[Row]) -> String {
    let mut cells = vec![HEADINGS.map(str::to_owned)];
    cells.extend(rows.iter().map(cells_of));
    let width = |column: usize| {
        let widths = cells.iter().filter_map(|row| row.get(column));
        widths.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..HEADINGS.len()).map(width).collect();
    let mut text = String::new();
    for (number, row) in cells.iter().enumerate() {
        for (cell, width) in row.iter().zip(widths.iter().copied()) {
            let _ = write!(text, "| {cell:<width$} ");
        }
        text.push_str("|\n");
        if number == 0 {
            for width in &widths {
                let _ = write!(text, "|{}", "-".repeat(width + 2));
            }
            text.push_str("|\n");
        }
    }
    text
}

fn cells_of(row: &Row) -> [String; HEADINGS.len()] {
    let total = row.account.total();
    [
        row.name.to_owned(),
        total.made.to_string(),
        total.answered.to_string(),
        kinds(&total.failed),
        total.lost.to_string(),
        total.gone_with_client.to_string(),
        total.hung.to_string(),
        total.ran_elsewhere_too.to_string(),
        total.ran_here_twice.to_string(),
        silent(&row.account),
        resumed(&row.account.resumed),
        if row.explained { "yes" } else { "**NO**" }.to_owned(),
    ]
}

/// By the kind alone; the record has what was found out about each, too.
fn kinds(failed: &BTreeMap<String, u64>) -> String {
    let mut kinds: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (failure, count) in failed {
        let kind = kinds.entry(failure.split(' ').next().unwrap_or_default());
        let (all, ran) = kind.or_default();
        *all += count;
        if failure.ends_with("(ran)") {
            *ran += count;
        }
    }
    let text = |(kind, (all, ran)): (&str, (u64, u64))| match ran {
        0 => format!("{all} {kind}"),
        ran => format!("{all} {kind} ({ran} ran)"),
    };
    if kinds.is_empty() {
        return "0".to_owned();
    }
    kinds.into_iter().map(text).collect::<Vec<_>>().join(", ")
}

fn silent(account: &Account) -> String {
    if account.resumed.is_empty() {
        return "–".to_owned();
    }
    format!("{:.2}", account.silent)
}

/// The slowest direction.
fn resumed(directions: &BTreeMap<String, Option<f64>>) -> String {
    if directions.is_empty() {
        return "–".to_owned();
    }
    let slowest = directions.values().try_fold(0.0_f64, |slowest, seconds| {
        seconds.map(|seconds| slowest.max(seconds))
    });
    slowest.map_or_else(|| "never".to_owned(), |seconds| format!("{seconds:.2}"))
}

/// What each row is about, when each direction was back, and what could not be explained.
pub fn details(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        let _ = writeln!(text, "- **{}**: {}.", row.name, row.about);
        if !row.note.is_empty() {
            let _ = writeln!(text, "  {}", row.note);
        }
        let back: Vec<_> = row
            .account
            .resumed
            .iter()
            .map(|(direction, seconds)| match seconds {
                Some(seconds) => format!("{direction} after {seconds:.2} s"),
                None => format!("{direction} never"),
            })
            .collect();
        if !back.is_empty() {
            let _ = writeln!(text, "  Resumed: {}.", back.join(", "));
        }
        if !row.explained {
            for sentence in &row.account.unexplained {
                let _ = writeln!(text, "  - unexplained: {sentence}");
            }
        }
    }
    text
}
