//! What a configuration is made from.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, RwLock};

use super::sources::{Place, Setting, Sources};
use super::{Configuration, Shared};
use crate::declaration::OptionDef;
use crate::declared::Declared;
use crate::error::ConfigError;

/// What a configuration is made from.
///
/// Where two sources set one option, [`set`](Self::set) wins over the environment, the environment over files, and
/// later files over earlier ones, as in the peer.
#[derive(Clone, Debug, Default)]
pub struct ConfigurationBuilder {
    declarations: Vec<&'static [OptionDef]>,
    sources: Sources,
}

impl ConfigurationBuilder {
    /// Adds options. Of two with one group and name the later declaration counts, so that a program can give an option
    /// of a library another default.
    #[must_use]
    pub fn declare(mut self, options: &'static [OptionDef]) -> Self {
        self.declarations.push(options);
        self
    }

    /// Reads a file; the peer's `--config-file`.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.sources.places.push(Place::File(path.into()));
        self
    }

    /// Reads the files of a directory whose names end in `.conf` and do not begin with a dot, in the order of their
    /// names; the peer's `--config-dir`.
    #[must_use]
    pub fn dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.sources.places.push(Place::Dir(path.into()));
        self
    }

    /// Reads the variables `OS_<GROUP>__<OPTION>` of the process.
    #[must_use]
    pub fn environment(self) -> Self {
        let variables = std::env::vars_os();
        self.variables(variables.filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))
    }

    /// Reads these variables, as [`environment`](Self::environment) those of the process.
    #[must_use]
    pub fn variables(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let ours = variables
            .into_iter()
            .filter(|(name, _)| name.starts_with("OS_"));
        self.sources.variables.extend(ours);
        self
    }

    /// Sets an option to a text as it would be written in a file, `$name` included; the way of command lines. An option
    /// that takes several texts gets one more with each call.
    #[must_use]
    pub fn set(
        mut self,
        group: impl Into<String>,
        name: impl Into<String>,
        text: impl Into<String>,
    ) -> Self {
        self.sources.settings.push(Setting {
            group: group.into(),
            name: name.into(),
            text: text.into(),
        });
        self
    }

    /// Reads it all.
    ///
    /// # Errors
    /// A file that can't be read or is not in the format, or an option whose value is not as declared. Of several the
    /// first one.
    pub fn load(self) -> Result<Configuration, ConfigError> {
        let sources = self.finish();
        let options = sources.read()?;
        Ok(Configuration {
            shared: Arc::new(Shared {
                sources,
                in_force: RwLock::new(Arc::new(options)),
                hooks: Mutex::default(),
                reading: Mutex::default(),
            }),
        })
    }

    /// Reads it all, and goes on after errors: the values of all options that have one, and what is wrong. An option
    /// whose value is not as declared gives its error to whoever asks for it. For programs that look at configurations.
    pub fn check(self) -> (crate::Options, Vec<ConfigError>) {
        self.finish().examine()
    }

    fn finish(mut self) -> Sources {
        self.sources.declared = Arc::new(Declared::new(&self.declarations));
        self.sources
    }
}
