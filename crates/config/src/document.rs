//! Documentation from declarations.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::declaration::{Kind, OptionDef};

/// The options as Markdown, a heading and a [table](markdown_table) for each group; `DEFAULT` comes first, then the
/// other groups by name.
pub fn markdown<'a>(options: impl IntoIterator<Item = &'a OptionDef>) -> String {
    let mut text = String::new();
    for (group, options) in by_group(options) {
        let space = if text.is_empty() { "" } else { "\n" };
        let _ = write!(text, "{space}## `[{group}]`\n\n{}", markdown_table(options));
    }
    text
}

/// The options as a Markdown table: name, type, default, what it does.
pub fn markdown_table<'a>(options: impl IntoIterator<Item = &'a OptionDef>) -> String {
    let mut table = String::from("| option | type | default | meaning |\n|---|---|---|---|\n");
    for option in options {
        let default = option
            .default
            .map_or_else(|| "none".to_owned(), |text| format!("`{text}`"));
        let mut meaning = option.help.replace('\n', " ").replace('|', "\\|");
        if option.mutable {
            meaning.push_str(" Can be changed without restarting.");
        }
        for name in option.old_names {
            let _ = write!(meaning, " Formerly `{name}`.");
        }
        for (group, name) in option.old_places {
            let _ = write!(meaning, " Formerly `{name}` in `[{group}]`.");
        }
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

/// Options under their groups, in the order of files; in each group as they came.
pub(crate) fn by_group<'a>(
    options: impl IntoIterator<Item = &'a OptionDef>,
) -> Vec<(&'static str, Vec<&'a OptionDef>)> {
    let mut groups = BTreeMap::<_, Vec<_>>::new();
    for option in options {
        let place = (option.group != "DEFAULT", option.group);
        groups.entry(place).or_default().push(option);
    }
    let groups = groups.into_iter();
    groups
        .map(|((_, group), options)| (group, options))
        .collect()
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
