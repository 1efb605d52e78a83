//! What operators should know of a configuration that works.

use std::fmt;

use crate::declaration::OptionDef;
use crate::declared::group_key;
use crate::error::full_name;
use crate::source::Source;

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

impl Notice {
    /// What is to be said of an option that was set under this name.
    pub(crate) fn of(option: &OptionDef, group: &str, name: &str, source: &Source) -> Option<Self> {
        let group = group_key(group);
        let advice = if group != group_key(option.group) {
            format!("it is now {}", full_name(option.group, option.name))
        } else if name != option.name {
            format!("its name is now {}", option.name)
        } else {
            option.deprecated?.to_owned()
        };
        Some(Self {
            option: full_name(&group, name),
            source: source.clone(),
            advice,
        })
    }
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

/// An option of a file that the program has not declared. It is ignored, as by the peer: files are shared by programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The group as it was written.
    pub group: String,
    /// The name as it was written.
    pub name: String,
    /// Where.
    pub source: Source,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = full_name(&self.group, &self.name);
        write!(f, "{name} ({}) is no option of this program", self.source)
    }
}
