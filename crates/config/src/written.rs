//! What was written for options, before references are replaced and types checked.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::declaration::{Kind, OptionDef};
use crate::declared::{Declared, Key};
use crate::error::OptionError;
use crate::file::{ConfigFile, Entry};
use crate::notice::{Notice, Unknown};
use crate::source::Source;

/// What was written for options, added from the weakest source to the strongest.
#[derive(Debug, Default)]
pub(crate) struct Written {
    texts: HashMap<Key, Text>,
    /// The options of `texts`, in the order in which they were met first.
    pub(crate) order: Vec<&'static OptionDef>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) unknown: Vec<Unknown>,
}

/// What was written for one option.
pub(crate) struct Text {
    /// One, or any number for [`Kind::Multi`].
    pub(crate) texts: Vec<String>,
    /// Where the last of them stands.
    pub(crate) source: Source,
    /// Where others stand that do not count, the weakest first.
    pub(crate) overridden: Vec<Source>,
}

impl Written {
    pub(crate) fn text(&self, option: &OptionDef) -> Option<&Text> {
        self.texts.get(&(option.group, option.name))
    }

    /// Adds the options of a file; what is not declared is noted and left alone.
    ///
    /// The current name counts before older ones, wherever they stand in the file, and then the last of repeated
    /// lines. [`Kind::Multi`] takes all, those under the oldest name first. So does the peer.
    pub(crate) fn add_file(&mut self, declared: &Declared, file: &ConfigFile) {
        let path: Arc<str> = Arc::from(file.path());
        let mut found = BTreeMap::<usize, Vec<Found<'_>>>::new();
        let mut places = HashMap::<Key, usize>::new();
        for entry in file.entries() {
            let source = Source::File {
                path: Arc::clone(&path),
                line: entry.line,
                column: entry.column,
            };
            let Some((option, age)) = declared.find(&entry.group, &entry.name) else {
                self.unknown.push(Unknown {
                    group: entry.group.clone(),
                    name: entry.name.clone(),
                    source,
                });
                continue;
            };
            self.notices
                .extend(Notice::of(option, &entry.group, &entry.name, &source));
            let next = places.len();
            let place = *places.entry((option.group, option.name)).or_insert(next);
            found.entry(place).or_default().push(Found {
                option,
                age,
                entry,
                source,
            });
        }
        for mut entries in found.into_values() {
            entries.sort_by_key(|found| std::cmp::Reverse(found.age));
            for found in entries {
                self.add(found.option, &found.entry.value, found.source);
            }
        }
    }

    /// Adds what the environment has for declared options.
    ///
    /// One variable is one item of a [`Kind::Multi`]; the peer takes each of its characters for one.
    pub(crate) fn add_environment(
        &mut self,
        declared: &Declared,
        variables: &HashMap<String, String>,
    ) {
        for option in declared.sorted() {
            let variable = environment_variable(option);
            if let Some(text) = variables.get(&variable) {
                let variable = Arc::from(variable);
                self.add(option, text, Source::Environment { variable });
            }
        }
    }

    /// Adds a value that the program gives.
    pub(crate) fn add_setting(
        &mut self,
        declared: &Declared,
        (group, name, text): (&str, &str, &str),
    ) -> Result<(), OptionError> {
        let (option, _) = declared
            .find(group, name)
            .ok_or_else(|| OptionError::unknown(group, name, Source::Code))?;
        self.notices
            .extend(Notice::of(option, group, name, &Source::Code));
        self.add(option, text, Source::Code);
        Ok(())
    }

    fn add(&mut self, option: &'static OptionDef, text: &str, source: Source) {
        let key = (option.group, option.name);
        let Some(written) = self.texts.get_mut(&key) else {
            self.order.push(option);
            let text = Text {
                texts: vec![text.to_owned()],
                source,
                overridden: Vec::new(),
            };
            self.texts.insert(key, text);
            return;
        };
        let adds = option.kind == Kind::Multi && written.source.strength() == source.strength();
        let before = std::mem::replace(&mut written.source, source);
        if !adds {
            written.texts.clear();
            written.overridden.push(before);
        }
        written.texts.push(text.to_owned());
    }
}

impl std::fmt::Debug for Text {
    /// Without the text, which may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} texts from {}", self.texts.len(), self.source)
    }
}

/// An entry of a file that sets an option.
struct Found<'a> {
    option: &'static OptionDef,
    age: usize,
    entry: &'a Entry,
    source: Source,
}

/// `OS_<GROUP>__<OPTION>`.
fn environment_variable(option: &OptionDef) -> String {
    format!("OS_{}__{}", option.group, option.name).to_uppercase()
}
