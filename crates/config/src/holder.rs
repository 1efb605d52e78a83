//! The values of a program's options.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

#[cfg(test)]
mod tests;

use crate::convert::FromValue;
use crate::declaration::{Kind, OptionDef};
use crate::file::ConfigFile;
use crate::value::{InvalidValue, Value};

/// The values of declared options, each with its source.
///
/// A value replaces another of the same or a weaker [`Source`], whatever the order in which they
/// are set.
#[derive(Clone, Default)]
pub struct Options {
    definitions: HashMap<(&'static str, &'static str), &'static OptionDef>,
    /// Keys that are old names, with the new ones.
    renamed: HashMap<(&'static str, &'static str), &'static str>,
    values: HashMap<(&'static str, &'static str), (Value, Source)>,
    notices: Vec<Notice>,
}

impl Options {
    /// Options with their defaults.
    pub fn new(declarations: &[&'static [OptionDef]]) -> Self {
        let mut options = Self::default();
        for definition in declarations.iter().copied().flatten() {
            options
                .definitions
                .insert((definition.group, definition.name), definition);
            for old in definition.old_names {
                options
                    .renamed
                    .insert((definition.group, old), definition.name);
            }
        }
        options
    }

    /// Sets an option to a value as it is written in a file. An old name sets the option that has
    /// it.
    pub fn set(
        &mut self,
        group: &str,
        name: &str,
        text: &str,
        source: Source,
    ) -> Result<(), OptionError> {
        let Some(definition) = self.definition(group, name) else {
            return Err(OptionError::Unknown {
                option: full_name(group, name),
                from: source,
            });
        };
        let value = definition.parse(text).map_err(|problem| {
            let shown = if definition.secret {
                MASK.to_owned()
            } else {
                text.to_owned()
            };
            let option = full_name(definition.group, name);
            OptionError::Invalid {
                option,
                value: shown,
                from: source.clone(),
                problem,
            }
        })?;
        self.note(definition, name, &source);
        self.put(definition, value, source);
        Ok(())
    }

    /// Takes over every declared option that the file sets; the rest of the file is somebody
    /// else's. The last of repeated lines counts, except for [`Kind::Multi`], which takes all.
    pub fn load(&mut self, file: &ConfigFile) -> Result<(), OptionError> {
        let mut lines = HashMap::<(&str, &str), Value>::new();
        let path: Arc<str> = Arc::from(file.path());
        for entry in file.entries() {
            let Some(definition) = self.definition(&entry.group, &entry.name) else {
                continue;
            };
            let source = Source::File {
                path: Arc::clone(&path),
                line: entry.line,
            };
            if definition.kind != Kind::Multi {
                self.set(&entry.group, &entry.name, &entry.value, source)?;
                continue;
            }
            let values = lines
                .entry((definition.group, definition.name))
                .or_insert_with(|| Value::List(Vec::new()));
            if let Value::List(values) = values {
                values.push(entry.value.clone());
            }
            let value = values.clone();
            self.note(definition, &entry.name, &source);
            self.put(definition, value, source);
        }
        Ok(())
    }

    /// The value of an option, or its default.
    ///
    /// Numbers convert to any integer type that holds them, `Duration` is a number of seconds,
    /// and `Option<T>` is `None` for an option that nobody set and that has no default.
    pub fn get<T: FromValue>(&self, group: &str, name: &str) -> Result<T, OptionError> {
        let option = || full_name(group, name);
        let Some(definition) = self.definition(group, name) else {
            return Err(OptionError::Unknown {
                option: option(),
                from: Source::Code,
            });
        };
        let value = match self.values.get(&(definition.group, definition.name)) {
            Some((value, _)) => Some(value.clone()),
            None => definition
                .default
                .map(|text| definition.parse(text))
                .transpose()
                .map_err(|problem| OptionError::Invalid {
                    option: option(),
                    value: definition.default.unwrap_or_default().to_owned(),
                    from: Source::Default,
                    problem,
                })?,
        };
        T::from_value(value).ok_or_else(|| OptionError::NotOfType { option: option() })
    }

    /// Where the value of an option came from.
    pub fn source(&self, group: &str, name: &str) -> Source {
        let set = self
            .definition(group, name)
            .and_then(|definition| self.values.get(&(definition.group, definition.name)));
        set.map_or(Source::Default, |(_, source)| source.clone())
    }

    /// What operators should know of the values that were set.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    fn definition(&self, group: &str, name: &str) -> Option<&'static OptionDef> {
        let group = group_key(group);
        let name = self
            .renamed
            .get(&(group.as_str(), name))
            .copied()
            .unwrap_or(name);
        self.definitions.get(&(group.as_str(), name)).copied()
    }

    fn put(&mut self, definition: &'static OptionDef, value: Value, source: Source) {
        let key = (definition.group, definition.name);
        let keeps = self
            .values
            .get(&key)
            .is_some_and(|(_, old)| old.strength() > source.strength());
        if !keeps {
            self.values.insert(key, (value, source));
        }
    }

    fn note(&mut self, definition: &OptionDef, name: &str, source: &Source) {
        let option = full_name(definition.group, name);
        let advice = if definition.name == name {
            definition.deprecated.map(str::to_owned)
        } else {
            Some(format!("its name is now {}", definition.name))
        };
        self.notices.extend(advice.map(|advice| Notice {
            option,
            source: source.clone(),
            advice,
        }));
    }
}

impl fmt::Debug for Options {
    /// Names and values of what was set; secrets masked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut keys: Vec<_> = self.values.keys().collect();
        keys.sort_unstable();
        let mut map = f.debug_map();
        for key in keys {
            let secret = self
                .definitions
                .get(key)
                .is_some_and(|definition| definition.secret);
            let name = full_name(key.0, key.1);
            match self.values.get(key) {
                Some((value, _)) if !secret => map.entry(&name, value),
                _ => map.entry(&name, &MASK),
            };
        }
        map.finish()
    }
}

/// Where a value came from, from the weakest to the strongest.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// The declaration.
    Default,
    /// A line of a configuration file.
    File {
        /// The file as it was named.
        path: Arc<str>,
        /// Its line, from 1.
        line: usize,
    },
    /// The query of a transport URL.
    Url,
    /// The program.
    Code,
}

impl Source {
    fn strength(&self) -> u8 {
        match self {
            Self::Default => 0,
            Self::File { .. } => 1,
            Self::Url => 2,
            Self::Code => 3,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("its default"),
            Self::File { path, line } => write!(f, "{path}:{line}"),
            Self::Url => f.write_str("the transport URL"),
            Self::Code => f.write_str("the program"),
        }
    }
}

/// A value that works but should be written otherwise, or that has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// `[group] name` as it was written.
    pub option: String,
    /// Where.
    pub source: Source,
    /// What to do.
    pub advice: String,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({}) is deprecated: {}",
            self.option, self.source, self.advice
        )
    }
}

/// An option or value that is not as declared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionError {
    /// There is no such option.
    #[error("unknown option {option}, from {from}")]
    Unknown {
        /// `[group] name`.
        option: String,
        /// Who set or asked for it.
        from: Source,
    },
    /// The value is not one the option takes.
    #[error("{value:?} is no value for option {option}, from {from}: {problem}")]
    Invalid {
        /// `[group] name`.
        option: String,
        /// The value, masked if it is secret.
        value: String,
        /// Where it came from.
        from: Source,
        /// What would be a value.
        problem: InvalidValue,
    },
    /// The program asked for a type that does not hold the option's value.
    #[error("option {option} has no value of the type that the program asks for")]
    NotOfType {
        /// `[group] name`.
        option: String,
    },
}

/// What is shown of a secret.
const MASK: &str = "***";

fn full_name(group: &str, name: &str) -> String {
    format!("[{group}] {name}")
}

/// Group names are lower case, except for `DEFAULT`.
fn group_key(group: &str) -> String {
    if group == "DEFAULT" {
        group.to_owned()
    } else {
        group.to_lowercase()
    }
}
