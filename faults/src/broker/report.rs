//! The table of a run, for the terminal and for the record.

use std::fmt::Write as _;

use super::Row;

/// The table of all rows; it is Markdown, too.
pub fn table(rows: &[Row]) -> String {
    let mut text = "| row | all well | seconds | broker's peak, MiB | others: messages | others: slowest, s |\n\
                    |---|---|--:|--:|--:|--:|\n"
        .to_owned();
    for row in rows {
        let well = if row.wrong.is_empty() {
            "yes"
        } else {
            "**NO**"
        };
        let (count, slowest) = match &row.served {
            Some(served) => (served.count.to_string(), format!("{:.2}", served.slowest)),
            None => ("–".to_owned(), "–".to_owned()),
        };
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "| {} | {well} | {:.1} | {:.0} | {count} | {slowest} |",
            row.name, row.seconds, row.peak_mib
        );
    }
    text
}

/// What was seen in each row.
pub fn details(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        let _ = writeln!(text, "- **{}**: {}.", row.name, row.about);
        for seen in &row.seen {
            let _ = writeln!(text, "  - {seen}");
        }
        for wrong in &row.wrong {
            let _ = writeln!(text, "  - WRONG: {wrong}");
        }
    }
    text
}
