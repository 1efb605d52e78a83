//! oslo.config's files: `[section]`, `key = value` or `key: value`, comments, continued lines.

use std::path::Path;

use crate::python;

#[cfg(test)]
mod tests;

/// A configuration file as it is written, before anybody declares what it may contain.
///
/// A line that starts with space continues the value of the line before it; `#` and `;` start a
/// comment at the beginning of a line only; a value in quotes loses them. References to other options
/// (`$name`) are kept as written: what they mean is not the file's matter.
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
    /// The character in that line where the value begins, from 1.
    pub column: u32,
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
        for (index, line) in lines(text).enumerate() {
            let line_number = index + 1;
            let line = line.trim_end_matches(python::is_space);
            let error = |(at, problem)| FileError::Syntax {
                path: path.to_owned(),
                line: line_number,
                column: column(line, at),
                problem,
            };
            if line.is_empty() {
                open = false;
            } else if line.starts_with([' ', '\t']) {
                let more = line.trim_start_matches(python::is_space);
                let Some(entry) = file.entries.last_mut().filter(|_| open) else {
                    let at = line.len() - more.len();
                    return Err(error((at, SyntaxProblem::NothingToContinue)));
                };
                entry.value.push('\n');
                entry.value.push_str(more);
            } else if line.starts_with('[') {
                open = false;
                group = Some(section_name(line).map_err(error)?);
            } else if line.starts_with(['#', ';']) {
                open = false;
            } else {
                let (name, at) = assignment(line).map_err(error)?;
                let Some(group) = group else {
                    return Err(error((0, SyntaxProblem::NoSection)));
                };
                let value = line.get(at..).unwrap_or_default();
                open = true;
                file.entries.push(Entry {
                    group: String::from(group),
                    name: name.to_owned(),
                    value: unquoted(value).to_owned(),
                    line: line_number,
                    column: column(line, at),
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
    #[error("{path}:{line}:{column}: {problem}")]
    Syntax {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
        /// The character in the line, from 1.
        column: u32,
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

/// Something wrong, and where in the line: the index of a byte.
type Misplaced = (usize, SyntaxProblem);

/// Lines end as Python thinks.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n')
        .flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

/// The character, from 1, at the index of a byte.
fn column(line: &str, at: usize) -> u32 {
    let before = line.get(..at).unwrap_or(line);
    u32::try_from(before.chars().count() + 1).unwrap_or(u32::MAX)
}

/// The name in `[name]`.
fn section_name(line: &str) -> Result<&str, Misplaced> {
    let name = line
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    match name {
        None => Err((line.len(), SyntaxProblem::UnclosedSection)),
        Some("") => Err((1, SyntaxProblem::UnnamedSection)),
        Some(name) => Ok(name),
    }
}

/// Splits at the first `=` or `:`: the name, and where the value begins.
fn assignment(line: &str) -> Result<(&str, usize), Misplaced> {
    let (name, value) = line
        .split_once(['=', ':'])
        .ok_or((line.len(), SyntaxProblem::NoAssignment))?;
    match python::strip(name) {
        "" => Err((0, SyntaxProblem::UnnamedOption)),
        name => Ok((
            name,
            line.len() - value.trim_start_matches(python::is_space).len(),
        )),
    }
}

/// A value without its quotes. One that is nothing but a quote is empty, as in the peer.
fn unquoted(value: &str) -> &str {
    let inside = |quote| match value.strip_prefix(quote)? {
        "" => Some(""),
        rest => rest.strip_suffix(quote),
    };
    inside('"').or_else(|| inside('\'')).unwrap_or(value)
}
