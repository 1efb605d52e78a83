//! The configuration of a running program.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

mod builder;
mod sources;

#[cfg(test)]
mod tests;

pub use builder::ConfigurationBuilder;

use crate::changes::{Change, Changes};
use crate::error::{ConfigError, MASK};
use crate::holder::Options;
use sources::Sources;

/// The configuration of a running program: which options it has, where their values come from, and the values in force.
///
/// Clones are the same configuration.
///
/// ```no_run
/// use bergen_config::{Configuration, Kind, OptionDef};
///
/// static OPTIONS: &[OptionDef] = &[OptionDef::new("DEFAULT", "debug", Kind::Bool).default("false").mutable()];
///
/// let configuration = Configuration::builder()
///     .declare(OPTIONS)
///     .file("/etc/nova/nova.conf")
///     .environment()
///     .load()?;
/// let debug: bool = configuration.options().get("DEFAULT", "debug")?;
/// # Ok::<(), bergen_config::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Configuration {
    shared: Arc<Shared>,
}

struct Shared {
    sources: Sources,
    in_force: RwLock<Arc<Options>>,
    hooks: Mutex<Vec<Hook>>,
    /// Held while the sources are read again, so that of two readings the later one stays.
    reading: Mutex<()>,
}

type Hook = Arc<dyn Fn(&Changes) + Send + Sync>;

impl Configuration {
    /// A configuration without options and sources, to add to.
    pub fn builder() -> ConfigurationBuilder {
        ConfigurationBuilder::default()
    }

    /// The values in force. They stay as they are, whatever is read later.
    pub fn options(&self) -> Arc<Options> {
        let in_force = &self.shared.in_force;
        Arc::clone(&in_force.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads everything again; every option takes its new value. The peer's `reload_config_files`.
    ///
    /// # Errors
    /// As at the first reading, with a warning in the log; the old values stay in force then.
    pub fn reload(&self) -> Result<Changes, ConfigError> {
        self.read_again(|_, new| (new, Vec::new()))
    }

    /// Reads everything again; only options that are declared [`mutable`](crate::OptionDef::mutable) take new values.
    /// Of others that were written otherwise the log warns. The peer's `mutate_config_files`.
    ///
    /// # Errors
    /// As at the first reading, with a warning in the log; the old values stay in force then.
    pub fn mutate(&self) -> Result<Changes, ConfigError> {
        self.read_again(|old, new| {
            let mut mutated = old.clone();
            let mut ignored = Vec::new();
            for option in new.definitions() {
                let (before, after) = (old.value_of(option), new.value_of(option));
                if option.mutable {
                    mutated.adopt(option, &new);
                } else if before != after {
                    ignored.push((option.group, option.name));
                    mutated.keep(option, before);
                }
            }
            (mutated, ignored)
        })
    }

    /// Has `hook` called after every reload and mutate that did not fail, even if nothing has changed, when the new
    /// values are in force. It runs on the thread that reads, and may use the configuration.
    pub fn on_change(&self, hook: impl Fn(&Changes) + Send + Sync + 'static) {
        self.hooks().push(Arc::new(hook));
    }

    /// Logs all options and their values at debug level, as a service does when it starts.
    pub fn log_options(&self) {
        for line in self.option_lines() {
            tracing::debug!("{line}");
        }
    }

    /// The lines of [`log_options`](Self::log_options): sources and options between two lines of 80 asterisks, secrets
    /// masked.
    pub fn option_lines(&self) -> Vec<String> {
        let options = self.options();
        let mut lines = vec![
            "*".repeat(80),
            "Configuration options gathered from:".to_owned(),
            format!("config files: {}", self.shared.sources.places().join(", ")),
            "=".repeat(80),
        ];
        for option in options.definitions() {
            let name = match option.group {
                "DEFAULT" => option.name.to_owned(),
                group => format!("{group}.{}", option.name),
            };
            let value = match options.value_of(option) {
                _ if options.hides(option) => MASK.to_owned(),
                Ok(Some(value)) => value.to_string(),
                Ok(None) => "None".to_owned(),
                Err(error) => error.to_string(),
            };
            lines.push(format!("{name:<30} = {value}"));
        }
        lines.push("*".repeat(80));
        lines
    }

    fn read_again(
        &self,
        choose: impl FnOnce(&Options, Options) -> (Options, Vec<(&'static str, &'static str)>),
    ) -> Result<Changes, ConfigError> {
        let reading = self.shared.reading.lock();
        let old = self.options();
        let new = self.shared.sources.read().inspect_err(|error| {
            tracing::warn!("the configuration stays as it was: {error}");
        })?;
        let (chosen, ignored) = choose(&old, new);
        let changes = Changes {
            changed: differences(&old, &chosen),
            ignored,
        };
        let in_force = &self.shared.in_force;
        *in_force.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(chosen);
        drop(reading);
        self.announce(&changes);
        Ok(changes)
    }

    fn announce(&self, changes: &Changes) {
        for (group, name) in changes.ignored() {
            tracing::warn!("Ignoring change to immutable option {group}.{name}");
        }
        for ((group, name), change) in changes.iter() {
            tracing::info!("Option {group}.{name} changed {change}");
        }
        let hooks = self.hooks().clone();
        for hook in hooks {
            hook(changes);
        }
    }

    fn hooks(&self) -> MutexGuard<'_, Vec<Hook>> {
        let hooks = self.shared.hooks.lock();
        hooks.unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Configuration {
    /// Sources and set values; secrets masked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Configuration")
            .field("files", &self.shared.sources.places())
            .field("options", &self.options())
            .finish_non_exhaustive()
    }
}

fn differences(
    old: &Options,
    new: &Options,
) -> std::collections::BTreeMap<(&'static str, &'static str), Change> {
    let changes = new.definitions().into_iter().filter_map(|option| {
        // A default that has no value is the same error in both.
        let secret = old.hides(option) || new.hides(option);
        let (old, new) = (old.value_of(option).ok()?, new.value_of(option).ok()?);
        (old != new).then_some(((option.group, option.name), Change { old, new, secret }))
    });
    changes.collect()
}
