use std::fs;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::command::root;

mod conformance;
#[cfg(test)]
mod tests;

/// The most lines of code a Rust file may have, tests apart: one idea a file.
const LONGEST: usize = 450;

/// Declarations that must stay in one piece, and so may be longer.
const TABLES: [&str; 1] = ["crates/amqp/src/codec/methods/table.rs"];

/// What must not stand in any file, and why. Written in two parts, so that this file may.
const FORBIDDEN: [(&str, &str, &str); 10] = [
    ("TO", "DO", "do it, or leave it to an issue"),
    ("FIX", "ME", "do it, or leave it to an issue"),
    ("dbg", "!(", "a leftover of debugging"),
    ("/wo", "rk/", "a path of one machine"),
    ("/ro", "ot/", "a path of one machine"),
    ("/ho", "me/", "a path of one machine"),
    ("../sha", "red", "a path of one machine"),
    (
        "crates",
        ".io",
        "registries are used by their clients, not by name",
    ),
    (
        "pypi",
        ".org",
        "registries are used by their clients, not by name",
    ),
    (
        "deb.deb",
        "ian.org",
        "registries are used by their clients, not by name",
    ),
];

/// Checks the rules about files that no other tool checks.
pub(crate) fn run() -> Result<(), Error> {
    let mut files = Vec::new();
    collect(root(), &mut files)?;
    let mut complaints = Vec::new();
    let mut sources = String::new();
    for file in &files {
        // What is no text has no lines to be tidy.
        let Ok(text) = fs::read_to_string(file) else {
            continue;
        };
        let name = file.strip_prefix(root()).unwrap_or(file);
        complaints.extend(complaints_about(name, &text));
        if is_rust(name) {
            sources.push_str(&text);
        }
    }
    for page in conformance::PAGES {
        let path = root().join(page);
        let text = fs::read_to_string(&path).map_err(Error::file(&path))?;
        complaints.extend(conformance::complaints(page, &text, &sources));
    }
    for complaint in &complaints {
        println!("{complaint}");
    }
    match complaints.len() {
        0 => {
            println!("{} files are tidy", files.len());
            Ok(())
        }
        count => Err(Error::Wrong(format!("{count} untidy places"))),
    }
}

/// The complaints about one file, each with its place.
fn complaints_about(name: &Path, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let place = name.display();
    if is_rust(name) && !is_test(name) {
        let lines = code_lines(text);
        if lines > LONGEST && !TABLES.iter().any(|table| name == Path::new(table)) {
            complaints.push(format!("{place}: {lines} lines; split it at {LONGEST}"));
        }
    }
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        // A compile error's expected text is as the compiler prints it.
        if line.ends_with([' ', '\t']) && !has_extension(name, "stderr") {
            complaints.push(format!("{place}:{number}: white space at the end"));
        }
        for (first, second, why) in FORBIDDEN {
            let word = format!("{first}{second}");
            if line.contains(&word) {
                complaints.push(format!("{place}:{number}: {word:?}: {why}"));
            }
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        complaints.push(format!("{place}: no line end at the end"));
    }
    complaints
}

/// The lines of a source file above its tests.
fn code_lines(text: &str) -> usize {
    text.lines()
        .take_while(|line| *line != "mod tests {")
        .count()
}

fn is_rust(name: &Path) -> bool {
    has_extension(name, "rs")
}

fn is_test(name: &Path) -> bool {
    let stem = name.file_stem().unwrap_or_default().to_string_lossy();
    let folders = name.parent().into_iter().flat_map(Path::components);
    stem == "tests"
        || stem.ends_with("_tests")
        || folders
            .into_iter()
            .any(|folder| folder.as_os_str() == "tests")
}

fn has_extension(name: &Path, extension: &str) -> bool {
    name.extension().is_some_and(|own| own == extension)
}

/// All files of the project: not Cargo's, Git's, or other hidden ones but `.ci`, and not recorded
/// bytes, which are as they came.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .map_err(Error::file(folder))?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    entries.sort();
    for path in entries {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let skipped = ["corpus", "samples", "Cargo.lock", "__pycache__"];
        // A module may be called target, too.
        let built = name == "target" && !folder.ends_with("src");
        if built || skipped.contains(&name.as_str()) || (name.starts_with('.') && name != ".ci") {
            continue;
        }
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
