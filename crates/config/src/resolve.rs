//! From what was written to values: references replaced, types checked.

use std::collections::{HashMap, HashSet};

use crate::declaration::{Kind, OptionDef};
use crate::declared::Key;
use crate::error::{MASK, OptionError, ReferenceProblem, full_name};
use crate::holder::Options;
use crate::interpolation;
use crate::source::Source;
use crate::value::Value;
use crate::written::Written;

/// What references may add to the value of an option, in bytes. Without a bound a few lines could fill the memory.
const MAX_LENGTH: usize = 1 << 20;

/// Computes values of options on top of those that hold already.
pub(crate) struct Resolver<'a> {
    options: &'a Options,
    written: &'a Written,
    values: HashMap<Key, Option<Value>>,
    /// The options whose values are being computed, each for the one before.
    open: Vec<Key>,
    /// The options whose values hold the value of a secret one.
    secret: HashSet<Key>,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(options: &'a Options, written: &'a Written) -> Self {
        Self {
            options,
            written,
            values: HashMap::new(),
            open: Vec::new(),
            secret: HashSet::new(),
        }
    }

    /// Whether the value of an option, which was asked for before, is secret: it is declared so, or refers to one that
    /// is.
    pub(crate) fn is_secret(&self, option: &OptionDef) -> bool {
        option.secret || self.secret.contains(&(option.group, option.name))
    }

    /// The value of an option; `None` if it has none.
    pub(crate) fn value(
        &mut self,
        option: &'static OptionDef,
    ) -> Result<Option<Value>, OptionError> {
        let key = (option.group, option.name);
        if let Some(known) = self.values.get(&key) {
            return Ok(known.clone());
        }
        self.open.push(key);
        let value = self.computed(option);
        self.open.pop();
        if let Ok(value) = &value {
            self.values.insert(key, value.clone());
        }
        value
    }

    fn computed(&mut self, option: &'static OptionDef) -> Result<Option<Value>, OptionError> {
        let held = self.options.setting(option);
        let written = self.written.text(option).filter(|written| {
            held.is_none_or(|held| held.source.strength() <= written.source.strength())
        });
        match (written, held, option.default) {
            (Some(written), ..) => {
                self.of_texts(option, &written.texts, &written.source, &written.overridden)
            }
            (None, Some(held), _) => {
                if held.secret {
                    self.secret.insert((option.group, option.name));
                }
                held.value.clone()
            }
            (None, None, Some(text)) => {
                self.of_texts(option, &[text.to_owned()], &Source::Default, &[])
            }
            (None, None, None) => Ok(None),
        }
    }

    fn of_texts(
        &mut self,
        option: &'static OptionDef,
        texts: &[String],
        source: &Source,
        overridden: &[Source],
    ) -> Result<Option<Value>, OptionError> {
        let mut added = 0;
        let mut expanded = Vec::new();
        for text in texts {
            expanded.push(self.expanded(option, text, source, &mut added)?);
        }
        if option.kind == Kind::Multi {
            return Ok(Some(Value::List(expanded)));
        }
        let parsed = option.kind.parse(&expanded.concat());
        parsed.map_err(|problem| OptionError::Invalid {
            option: full_name(option.group, option.name),
            // As it is written: what it refers to may be secret.
            value: if option.secret {
                MASK.to_owned()
            } else {
                texts.concat()
            },
            from: source.clone(),
            overridden: overridden.into(),
            problem,
        })
    }

    fn expanded(
        &mut self,
        option: &'static OptionDef,
        text: &str,
        source: &Source,
        added: &mut usize,
    ) -> Result<String, OptionError> {
        if !text.contains('$') {
            return Ok(text.to_owned());
        }
        interpolation::expand(text, |name| {
            let fail = |problem| OptionError::Reference {
                option: full_name(option.group, option.name),
                from: source.clone(),
                reference: if option.secret { MASK } else { name }.to_owned(),
                problem,
            };
            let meant = self
                .meant(option.group, name)
                .ok_or_else(|| fail(ReferenceProblem::Unknown))?;
            if self.open.contains(&(meant.group, meant.name)) {
                return Err(fail(ReferenceProblem::Loop));
            }
            let value = self.value(meant)?;
            if self.is_secret(meant) {
                self.secret.extend(&self.open);
            }
            let value = value.map_or_else(String::new, |value| value.to_string());
            *added += value.len();
            if *added > MAX_LENGTH {
                return Err(fail(ReferenceProblem::TooLong));
            }
            Ok(value)
        })
    }

    /// The option that a reference means: one of its own group before one of `DEFAULT`.
    fn meant(&self, group: &str, name: &str) -> Option<&'static OptionDef> {
        let (group, name) = name.split_once('.').unwrap_or((group, name));
        let declared = self.options.declared();
        let found = declared.find(group, name);
        let found = found.or_else(|| declared.find("DEFAULT", name));
        found.map(|(option, _)| option)
    }
}
