//! What reading the configuration again has changed.

use std::collections::BTreeMap;
use std::fmt;

use crate::declared::Key;
use crate::error::MASK;
use crate::value::Value;

/// What a reload or a mutate has changed, by group and name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    pub(crate) changed: BTreeMap<Key, Change>,
    pub(crate) ignored: Vec<Key>,
}

impl Changes {
    /// What became of one option; `None` if it has the value that it had.
    pub fn get(&self, group: &str, name: &str) -> Option<&Change> {
        let mut changes = self.changed.iter();
        changes.find_map(|(key, change)| (*key == (group, name)).then_some(change))
    }

    /// All changed options, as group and name, with their values.
    pub fn iter(&self) -> impl Iterator<Item = ((&'static str, &'static str), &Change)> {
        self.changed.iter().map(|(key, change)| (*key, change))
    }

    /// Whether every option has the value that it had.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty()
    }

    /// Options, as group and name, that were written otherwise but keep their values since they are not mutable. Empty
    /// after a reload.
    pub fn ignored(&self) -> &[(&'static str, &'static str)] {
        &self.ignored
    }
}

/// An option's value before and after. Shown, a secret one is masked.
#[derive(Clone, PartialEq)]
pub struct Change {
    /// The value before; `None` if it had none.
    pub old: Option<Value>,
    /// The value now; `None` if it has none.
    pub new: Option<Value>,
    pub(crate) secret: bool,
}

impl fmt::Display for Change {
    /// In the peer's words: `from [3] to [5]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<Value>| match value {
            Some(_) if self.secret => MASK.to_owned(),
            Some(value) => value.to_string(),
            None => "None".to_owned(),
        };
        write!(f, "from [{}] to [{}]", shown(&self.old), shown(&self.new))
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
