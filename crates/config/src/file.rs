//! oslo.config's files: `[section]`, `key = value` or `key: value`, comments, continued lines.

use std::path::Path;

#[cfg(test)]
mod tests;

/// A configuration file as it is written, before anybody declares what it may contain.
///
/// A line that starts with space continues the value of the line before it; `#` and `;` start a
/// comment at the beginning of a line only; a value in quotes loses them. Interpolation
/// (`$name`) is not done: values are kept as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigFile {
    path: String,
    entries: Vec<Entry>,
}

/// One assignment of a file.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The section, as written.
    pub group: String,
    /// The key.
    pub name: String,
    /// The value; its lines are joined by newlines.
    pub value: String,
    /// The line of the key, from 1.
    pub line: usize,
}

impl ConfigFile {
    /// Reads a file.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, FileError> {
        let path = path.as_ref();
        let shown = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&shown, &text),
            Err(error) => Err(FileError::Unreadable {
                path: shown,
                reason: error.to_string(),
            }),
        }
    }

    /// Reads the text of a file; `path` is what errors call it.
    pub fn parse(path: &str, text: &str) -> Result<Self, FileError> {
        let mut file = Self {
            path: path.to_owned(),
            entries: Vec::new(),
        };
        let mut group = None;
        // Whether the line before was an assignment, which a line with leading space continues.
        let mut open = false;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (index, line) in text.lines().enumerate() {
            let line_number = index + 1;
            let error = |problem| FileError::Syntax {
                path: path.to_owned(),
                line: line_number,
                problem,
            };
            let line = line.trim_end();
            if line.is_empty() {
                open = false;
            } else if line.starts_with([' ', '\t']) {
                match file.entries.last_mut().filter(|_| open) {
                    Some(entry) => {
                        entry.value.push('\n');
                        entry.value.push_str(line.trim_start());
                    }
                    None => return Err(error(SyntaxProblem::NothingToContinue)),
                }
            } else if let Some(section) = line.strip_prefix('[') {
                open = false;
                group = Some(section_name(section).map_err(error)?);
            } else if line.starts_with(['#', ';']) {
                open = false;
            } else {
                let (name, value) = assignment(line).map_err(error)?;
                let Some(group) = group else {
                    return Err(error(SyntaxProblem::NoSection));
                };
                open = true;
                file.entries.push(Entry {
                    group: String::from(group),
                    name: name.to_owned(),
                    value: value.to_owned(),
                    line: line_number,
                });
            }
        }
        Ok(file)
    }

    /// The file's name.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// All assignments, in the order of the file.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

impl std::fmt::Debug for Entry {
    /// Without the value: nobody has declared yet whether it is secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: [{}] {}", self.line, self.group, self.name)
    }
}

/// A file that cannot be read. Says nothing of values, which may be secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file system refuses, or the file is not UTF-8.
    #[error("cannot read {path}: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// A line is not in the format.
    #[error("{path}:{line}: {problem}")]
    Syntax {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        problem: SyntaxProblem,
    },
}

/// What can be wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SyntaxProblem {
    /// An assignment before the first section.
    #[error("an option needs a section: write [DEFAULT] above it")]
    NoSection,
    /// Leading space after a line that is no assignment.
    #[error("a line that starts with space continues a value, but there is none above it")]
    NothingToContinue,
    /// `[` without `]` at the end of the line.
    #[error("the section's name does not end with ]")]
    UnclosedSection,
    /// `[]`.
    #[error("the section has no name")]
    UnnamedSection,
    /// Neither `=` nor `:`.
    #[error("write name = value")]
    NoAssignment,
    /// Nothing before `=` or `:`.
    #[error("the option has no name")]
    UnnamedOption,
}

/// The name in `[name]`, given without its first bracket.
fn section_name(line: &str) -> Result<&str, SyntaxProblem> {
    match line.strip_suffix(']') {
        None => Err(SyntaxProblem::UnclosedSection),
        Some("") => Err(SyntaxProblem::UnnamedSection),
        Some(name) => Ok(name),
    }
}

/// Splits at the first `=` or `:`.
fn assignment(line: &str) -> Result<(&str, &str), SyntaxProblem> {
    let (name, value) = line
        .split_once(['=', ':'])
        .ok_or(SyntaxProblem::NoAssignment)?;
    match name.trim() {
        "" => Err(SyntaxProblem::UnnamedOption),
        name => Ok((name, unquoted(value.trim()))),
    }
}

fn unquoted(value: &str) -> &str {
    let inside = |quote| {
        value
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote))
    };
    inside('"').or_else(|| inside('\'')).unwrap_or(value)
}
