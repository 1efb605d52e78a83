//! The values of a program's options.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

#[cfg(test)]
mod tests;

use crate::convert::FromValue;
use crate::declaration::{Kind, OptionDef};
use crate::declared::{Declared, Key};
use crate::error::{MASK, OptionError, full_name};
use crate::file::ConfigFile;
use crate::notice::{Notice, Unknown};
use crate::resolve::Resolver;
use crate::source::Source;
use crate::value::Value;
use crate::written::Written;

/// The values of declared options, each with its source.
///
/// A value replaces another of the same or a weaker [`Source`], whatever the order in which they
/// are set.
#[derive(Clone, Default)]
pub struct Options {
    declared: Arc<Declared>,
    settings: HashMap<Key, Setting>,
    notices: Vec<Notice>,
    unknown: Vec<Unknown>,
}

/// The value that somebody set.
#[derive(Clone)]
pub(crate) struct Setting {
    /// What is wrong with it stays here, too, for whoever asks.
    pub(crate) value: Result<Option<Value>, OptionError>,
    pub(crate) source: Source,
    /// The value refers to one that is secret.
    pub(crate) secret: bool,
    overridden: Vec<Source>,
}

impl Options {
    /// Options with their defaults. Of two declarations of one option the later counts.
    pub fn new(declarations: &[&'static [OptionDef]]) -> Self {
        Self::of(Arc::new(Declared::new(declarations)))
    }

    pub(crate) fn of(declared: Arc<Declared>) -> Self {
        Self {
            declared,
            ..Self::default()
        }
    }

    /// Sets an option to a value as it is written in a file, but that `$` has no meaning. An old name sets the option
    /// that has it.
    pub fn set(
        &mut self,
        group: &str,
        name: &str,
        text: &str,
        source: Source,
    ) -> Result<(), OptionError> {
        let Some((option, _)) = self.declared.find(group, name) else {
            return Err(OptionError::unknown(group, name, source));
        };
        let value = option.parse(text).map_err(|problem| OptionError::Invalid {
            option: full_name(option.group, name),
            value: if option.secret { MASK } else { text }.to_owned(),
            from: source.clone(),
            overridden: Box::default(),
            problem,
        })?;
        self.notices
            .extend(Notice::of(option, group, name, &source));
        self.put(option, Setting::new(Ok(value), source));
        Ok(())
    }

    /// Takes over every declared option that the file sets; the rest of the file is somebody
    /// else's, see [`unknown`](Self::unknown). The last of repeated lines counts, except for [`Kind::Multi`], which
    /// takes all, also those of files before.
    ///
    /// `$name` and `${group.name}` in values are replaced by the values that those options have now or get from this
    /// file. After an error the other options of the file are set nevertheless. For several files, the environment, and reading again, there is [`Configuration`](crate::Configuration).
    pub fn load(&mut self, file: &ConfigFile) -> Result<(), OptionError> {
        let mut written = Written::default();
        written.add_file(&self.declared, file);
        match self.take(written).into_iter().next() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// The value of an option, or its default.
    ///
    /// Numbers convert to any integer type that holds them, `Duration` is a number of seconds,
    /// and `Option<T>` is `None` for an option that nobody set and that has no default.
    pub fn get<T: FromValue>(&self, group: &str, name: &str) -> Result<T, OptionError> {
        let value = self.value(group, name)?;
        T::from_value(value).ok_or_else(|| OptionError::NotOfType {
            option: full_name(group, name),
        })
    }

    /// The value of an option, or its default, in no particular type; `None` if it has none.
    pub fn value(&self, group: &str, name: &str) -> Result<Option<Value>, OptionError> {
        match self.declared.find(group, name) {
            Some((option, _)) => self.value_of(option),
            None => Err(OptionError::unknown(group, name, Source::Code)),
        }
    }

    /// Where the value of an option came from.
    pub fn source(&self, group: &str, name: &str) -> Source {
        let set = self.declared.find(group, name);
        let set = set.and_then(|(option, _)| self.setting(option));
        set.map_or(Source::Default, |set| set.source.clone())
    }

    /// Where else the option is set, without effect, since its [`source`](Self::source) overrides them; the weakest
    /// first.
    pub fn overridden(&self, group: &str, name: &str) -> &[Source] {
        let set = self.declared.find(group, name);
        let set = set.and_then(|(option, _)| self.setting(option));
        set.map_or(&[], |set| &set.overridden)
    }

    /// Whether the value of an option must not be shown: the option is declared secret, or its value refers to one
    /// that is.
    pub fn is_secret(&self, group: &str, name: &str) -> bool {
        let declared = self.declared.find(group, name);
        declared.is_some_and(|(option, _)| self.hides(option))
    }

    /// All declared options, by group and name; `DEFAULT` first.
    pub fn definitions(&self) -> Vec<&'static OptionDef> {
        self.declared.sorted()
    }

    /// What operators should know of the values that were set.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// What files set and nobody declared, in the order of the files.
    pub fn unknown(&self) -> &[Unknown] {
        &self.unknown
    }

    pub(crate) fn declared(&self) -> &Declared {
        &self.declared
    }

    pub(crate) fn setting(&self, option: &OptionDef) -> Option<&Setting> {
        self.settings.get(&(option.group, option.name))
    }

    pub(crate) fn value_of(
        &self,
        option: &'static OptionDef,
    ) -> Result<Option<Value>, OptionError> {
        match self.setting(option) {
            Some(set) => set.value.clone(),
            None => Resolver::new(self, &Written::default()).value(option),
        }
    }

    pub(crate) fn hides(&self, option: &'static OptionDef) -> bool {
        if let Some(set) = self.setting(option) {
            return option.secret || set.secret;
        }
        let written = Written::default();
        let mut resolver = Resolver::new(self, &written);
        // A default that can't be read has no value to hide.
        let _ = resolver.value(option);
        resolver.is_secret(option)
    }

    /// Takes over what was written; what is wrong with it is returned, and again to whoever asks for that option.
    pub(crate) fn take(&mut self, written: Written) -> Vec<OptionError> {
        let mut resolver = Resolver::new(self, &written);
        let values: Vec<_> = written
            .order
            .iter()
            .map(|option| {
                let value = resolver.value(option);
                (*option, value, resolver.is_secret(option))
            })
            .collect();
        let mut errors = Vec::new();
        for (option, value, secret) in values {
            if let Err(error) = &value
                && !errors.contains(error)
            {
                errors.push(error.clone());
            }
            if let Some(text) = written.text(option) {
                let setting = Setting {
                    secret,
                    overridden: text.overridden.clone(),
                    ..Setting::new(value, text.source.clone())
                };
                self.put(option, setting);
            }
        }
        self.notices.extend(written.notices);
        self.unknown.extend(written.unknown);
        errors
    }

    /// Gives an option the setting that it has in `other`.
    pub(crate) fn adopt(&mut self, option: &OptionDef, other: &Self) {
        let key = (option.group, option.name);
        match other.settings.get(&key) {
            Some(setting) => self.settings.insert(key, setting.clone()),
            None => self.settings.remove(&key),
        };
    }

    /// Has an option keep the value that it has now, even if that is a default that refers to what changes.
    pub(crate) fn keep(
        &mut self,
        option: &'static OptionDef,
        value: Result<Option<Value>, OptionError>,
    ) {
        let secret = self.hides(option);
        self.settings
            .entry((option.group, option.name))
            .or_insert_with(|| Setting {
                secret,
                ..Setting::new(value, Source::Default)
            });
    }

    fn put(&mut self, option: &'static OptionDef, mut setting: Setting) {
        let key = (option.group, option.name);
        if let Some(old) = self.settings.remove(&key) {
            if old.source.strength() > setting.source.strength() {
                self.settings.insert(key, old);
                return;
            }
            setting.take_over(option, old);
        }
        self.settings.insert(key, setting);
    }
}

impl Setting {
    fn new(value: Result<Option<Value>, OptionError>, source: Source) -> Self {
        Self {
            value,
            source,
            secret: false,
            overridden: Vec::new(),
        }
    }

    /// Replaces `old`; texts of several files add up for [`Kind::Multi`].
    fn take_over(&mut self, option: &OptionDef, old: Self) {
        let files = matches!(
            (&old.source, &self.source),
            (Source::File { .. }, Source::File { .. })
        );
        let mut overridden = old.overridden;
        match (old.value, &mut self.value) {
            (Ok(Some(Value::List(old_items))), Ok(Some(Value::List(new))))
                if files && option.kind == Kind::Multi =>
            {
                new.splice(0..0, old_items);
                self.secret |= old.secret;
            }
            _ => overridden.push(old.source),
        }
        overridden.append(&mut self.overridden);
        self.overridden = overridden;
    }
}

impl fmt::Debug for Options {
    /// Names and values of what was set; secrets masked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for option in self.declared.sorted() {
            let name = full_name(option.group, option.name);
            match self.setting(option) {
                Some(_) if self.hides(option) => map.entry(&name, &MASK),
                Some(set) => map.entry(&name, &set.value),
                None => &mut map,
            };
        }
        map.finish()
    }
}
