//! Documentation from declarations.

use std::fmt::Write;

use crate::declaration::{Kind, OptionDef};

/// The options as a Markdown table: name, type, default, what it does.
pub fn markdown_table(options: &[OptionDef]) -> String {
    let mut table = String::from("| option | type | default | meaning |\n|---|---|---|---|\n");
    for option in options {
        let default = option
            .default
            .map_or_else(|| "none".to_owned(), |text| format!("`{text}`"));
        let mut meaning = option.help.replace('\n', " ").replace('|', "\\|");
        if let Some(reason) = option.deprecated {
            let _ = write!(meaning, " **Deprecated:** {reason}");
        }
        let name = option.name;
        let _ = writeln!(
            table,
            "| `{name}` | {} | {default} | {meaning} |",
            kind(option.kind)
        );
    }
    table
}

fn kind(kind: Kind) -> String {
    match kind {
        Kind::Bool => "boolean".to_owned(),
        Kind::Int {
            min: i64::MIN,
            max: i64::MAX,
        } => "integer".to_owned(),
        Kind::Int { min, max: i64::MAX } => format!("integer ≥ {min}"),
        Kind::Int { min, max } => format!("integer {min}–{max}"),
        Kind::Float { min, max } if max >= f64::MAX => format!("number ≥ {min}"),
        Kind::Float { min, max } => format!("number {min}–{max}"),
        Kind::Text => "text".to_owned(),
        Kind::Choice(words) => words.join(", "),
        Kind::List => "list".to_owned(),
        Kind::Dict => "key:value pairs".to_owned(),
        Kind::Multi => "text, repeatable".to_owned(),
    }
}
