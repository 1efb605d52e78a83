//! All options that a program has declared, by name.

use std::collections::HashMap;

use crate::declaration::OptionDef;

/// Group and name of a declared option.
pub(crate) type Key = (&'static str, &'static str);

/// All options that a program has declared. Of two with one name, the later declaration counts.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    /// By the group as files are searched for it, and the name.
    definitions: HashMap<(String, &'static str), &'static OptionDef>,
    /// Older places, with their rank: of two in one file, the one that is named first counts.
    older: HashMap<(String, &'static str), (&'static OptionDef, usize)>,
}

impl Declared {
    pub(crate) fn new(declarations: &[&'static [OptionDef]]) -> Self {
        let mut declared = Self::default();
        for definition in declarations.iter().copied().flatten() {
            let group = group_key(definition.group);
            let names = definition
                .old_names
                .iter()
                .map(|name| (group.clone(), *name));
            let places = definition.old_places.iter();
            let places = names.chain(places.map(|(group, name)| (group_key(group), *name)));
            for (index, place) in places.enumerate() {
                declared.older.insert(place, (definition, index + 1));
            }
            declared
                .definitions
                .insert((group, definition.name), definition);
        }
        declared
    }

    /// The option that a place in a file means, and how old the name is; 0 is the current one.
    pub(crate) fn find(&self, group: &str, name: &str) -> Option<(&'static OptionDef, usize)> {
        let place = (group_key(group), name);
        let current = self.definitions.get(&place).map(|option| (*option, 0));
        current.or_else(|| self.older.get(&place).copied())
    }

    /// All of them, by group and name; `DEFAULT` first.
    pub(crate) fn sorted(&self) -> Vec<&'static OptionDef> {
        let mut all: Vec<_> = self.definitions.values().copied().collect();
        all.sort_unstable_by_key(|option| (option.group != "DEFAULT", option.group, option.name));
        all
    }
}

/// Group names are lower case, except for `DEFAULT`.
pub(crate) fn group_key(group: &str) -> String {
    if group == "DEFAULT" {
        group.to_owned()
    } else {
        group.to_lowercase()
    }
}
