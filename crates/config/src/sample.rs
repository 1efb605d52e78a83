//! A sample file from declarations.

use std::fmt::Write;

#[cfg(test)]
mod tests;

use crate::declaration::{Kind, OptionDef};
use crate::document::by_group;
use crate::python;

/// Lines of help are not longer than this, if their words allow it.
const WIDTH: usize = 79;

/// A configuration file with every option and its help, each commented out with its default: what
/// `oslo-config-generator` writes.
///
/// `namespace` says whose options they are. `DEFAULT` comes first, then the other groups by name.
///
/// ```
/// use bergen_config::{Kind, OptionDef, sample};
///
/// const DEBUG: OptionDef = OptionDef::new("DEFAULT", "debug", Kind::Bool).default("false").help("Log more.");
/// assert!(sample("nova", [&DEBUG]).ends_with("\n# Log more. (boolean value)\n#debug = false\n"));
/// ```
pub fn sample<'a>(namespace: &str, options: impl IntoIterator<Item = &'a OptionDef>) -> String {
    let mut text = String::new();
    for (group, options) in by_group(options) {
        let space = if text.is_empty() { "" } else { "\n\n" };
        let _ = write!(text, "{space}[{group}]\n\n#\n# From {namespace}\n#\n");
        for option in options {
            text.push('\n');
            describe(&mut text, option);
        }
    }
    text
}

fn describe(text: &mut String, option: &OptionDef) {
    let prefix = match option.deprecated {
        Some(_) => "DEPRECATED: ",
        None => "",
    };
    let space = if option.help.is_empty() { "" } else { " " };
    let kind = type_name(option.kind);
    comment(text, &format!("{prefix}{}{space}({kind})", option.help));
    limits(text, option.kind);
    if option.mutable {
        comment(text, "Note: This option can be changed without restarting.");
    }
    let names = option.old_names.iter().map(|name| (option.group, *name));
    for (group, name) in names.chain(option.old_places.iter().copied()) {
        comment(text, &format!("Deprecated group/name - [{group}]/{name}"));
    }
    if let Some(reason) = option.deprecated {
        comment(text, "This option is deprecated for removal.");
        comment(text, "Its value may be silently ignored in the future.");
        comment(text, &format!("Reason: {reason}"));
    }
    let default = match (option.kind, option.default) {
        (Kind::Multi, None) => String::new(),
        (_, None) => "<None>".to_owned(),
        (Kind::Text | Kind::Choice(_) | Kind::Multi, Some(default))
            if python::strip(default) != default =>
        {
            format!("\"{default}\"")
        }
        (_, Some(default)) => default.replace('\n', "\n#    "),
    };
    let space = if default.is_empty() { "" } else { " " };
    let _ = writeln!(text, "#{} ={space}{default}", option.name);
}

fn limits(text: &mut String, kind: Kind) {
    let mut say = |what: &str, value: String| comment(text, &format!("{what} value: {value}"));
    match kind {
        Kind::Int { min, max } => {
            if min != i64::MIN {
                say("Minimum", min.to_string());
            }
            if max != i64::MAX {
                say("Maximum", max.to_string());
            }
        }
        Kind::Float { min, max } => {
            if min > f64::MIN {
                say("Minimum", format!("{min:?}"));
            }
            if max < f64::MAX {
                say("Maximum", format!("{max:?}"));
            }
        }
        Kind::Choice(words) => {
            comment(text, "Possible values:");
            for word in words {
                let word = if word.is_empty() { "''" } else { word };
                comment(text, &format!("{word} - <No description provided>"));
            }
        }
        Kind::Bool | Kind::Text | Kind::List | Kind::Dict | Kind::Multi => {}
    }
}

fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "boolean value",
        Kind::Int { .. } => "integer value",
        Kind::Float { .. } => "floating point value",
        Kind::Text | Kind::Choice(_) => "string value",
        Kind::List => "list value",
        Kind::Dict => "dict value",
        Kind::Multi => "multi valued",
    }
}

/// Adds lines that begin with `#`, broken between words.
fn comment(text: &mut String, said: &str) {
    for line in said.lines() {
        let mut width = 1;
        text.push('#');
        for word in line.split(' ') {
            let length = word.chars().count();
            if width > 1 && width + 1 + length > WIDTH {
                text.push_str("\n#");
                width = 1;
            }
            let _ = write!(text, " {word}");
            width += 1 + length;
        }
        text.push('\n');
    }
}
