//! The sources of a configuration, and how they are read together.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::declared::Declared;
use crate::error::ConfigError;
use crate::file::ConfigFile;
use crate::holder::Options;
use crate::written::Written;

/// The sources of a configuration.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources {
    pub(super) declared: Arc<Declared>,
    pub(super) places: Vec<Place>,
    pub(super) variables: HashMap<String, String>,
    pub(super) settings: Vec<Setting>,
}

/// Where files are.
#[derive(Clone, Debug)]
pub(super) enum Place {
    File(PathBuf),
    Dir(PathBuf),
}

/// A value that the program gives.
#[derive(Clone)]
pub(super) struct Setting {
    pub(super) group: String,
    pub(super) name: String,
    pub(super) text: String,
}

impl Sources {
    /// Reads it all; the first error ends it.
    pub(super) fn read(&self) -> Result<Options, ConfigError> {
        let (options, errors) = self.examine();
        if let Some(error) = errors.into_iter().next() {
            return Err(error);
        }
        for unknown in options.unknown() {
            tracing::debug!("{unknown}");
        }
        for notice in options.notices() {
            tracing::warn!("{notice}");
        }
        Ok(options)
    }

    /// Reads what can be read.
    pub(super) fn examine(&self) -> (Options, Vec<ConfigError>) {
        let mut errors = Vec::new();
        let mut written = Written::default();
        for place in &self.places {
            for file in place.files().unwrap_or_else(|error| {
                errors.push(error);
                Vec::new()
            }) {
                match ConfigFile::read(file) {
                    Ok(file) => written.add_file(&self.declared, &file),
                    Err(error) => errors.push(error.into()),
                }
            }
        }
        written.add_environment(&self.declared, &self.variables);
        for Setting { group, name, text } in &self.settings {
            if let Err(error) = written.add_setting(&self.declared, (group, name, text)) {
                errors.push(error.into());
            }
        }
        let mut options = Options::of(Arc::clone(&self.declared));
        let wrong = options.take(written);
        errors.extend(wrong.into_iter().map(ConfigError::from));
        (options, errors)
    }

    /// The files and directories, as they were named.
    pub(super) fn places(&self) -> Vec<String> {
        let places = self.places.iter();
        places
            .map(|place| place.path().display().to_string())
            .collect()
    }
}

impl Place {
    fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Dir(path) => path,
        }
    }

    fn files(&self) -> Result<Vec<PathBuf>, ConfigError> {
        match self {
            Self::File(path) => Ok(vec![path.clone()]),
            Self::Dir(path) => files_of(path).map_err(|error| ConfigError::Directory {
                path: path.display().to_string(),
                reason: error.to_string(),
            }),
        }
    }
}

impl fmt::Debug for Setting {
    /// Without the text, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.group, self.name)
    }
}

fn files_of(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in dir.read_dir()? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        if name.ends_with(b".conf") && !name.starts_with(b".") {
            files.push(path);
        }
    }
    files.sort_unstable();
    Ok(files)
}
