//! The classes that a service knows.

use std::collections::BTreeMap;

use super::{Manifest, ObjectDefinition, ObjectError, SerialNamespace, Version, VersionedObject};

/// The classes of one project that a service knows, each with the versions it has.
///
/// ```
/// use bergen_openstack::objects::nova::ServiceList;
/// use bergen_openstack::objects::{NOVA, Registry};
///
/// let registry = Registry::new(NOVA).with::<ServiceList>();
/// // What a class holds is known with it.
/// assert_eq!(registry.manifest("ServiceList")?["Service"].to_string(), "1.22");
/// # Ok::<(), bergen_openstack::objects::ObjectError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Registry {
    namespace: SerialNamespace,
    /// By name, the newest version first.
    classes: BTreeMap<&'static str, Vec<&'static ObjectDefinition>>,
}

impl Registry {
    /// A registry that knows no class.
    pub const fn new(namespace: SerialNamespace) -> Self {
        Self {
            namespace,
            classes: BTreeMap::new(),
        }
    }

    /// Adds a class and those of the objects in its fields. A class may be there in several versions, usually with
    /// different majors.
    #[must_use]
    pub fn with<T: VersionedObject>(mut self) -> Self {
        self.add(T::definition());
        self
    }

    /// Whose objects they are.
    pub fn namespace(&self) -> &SerialNamespace {
        &self.namespace
    }

    /// The class for an object: the one of exactly this version, else the newest that reads it.
    ///
    /// # Errors
    /// The name is unknown, or no class reads the version.
    pub fn find(
        &self,
        name: &str,
        version: Version,
    ) -> Result<&'static ObjectDefinition, ObjectError> {
        let (newest, classes) = self.versions(name)?;
        let mut exact = classes.iter().filter(|class| class.version == version);
        let mut reading = classes
            .iter()
            .filter(|class| class.read_version(version).is_ok());
        match exact.next().or_else(|| reading.next()) {
            Some(class) => Ok(class),
            None => newest.read_version(version).map(|_| newest),
        }
    }

    /// The newest version of a class and of all that can be in its fields.
    ///
    /// # Errors
    /// The name is unknown.
    pub fn manifest(&self, name: &str) -> Result<Manifest, ObjectError> {
        self.versions(name).map(|(newest, _)| newest.manifest())
    }

    fn add(&mut self, class: &'static ObjectDefinition) {
        let classes = self.classes.entry(class.name).or_default();
        if classes.iter().any(|known| known.version == class.version) {
            return;
        }
        classes.push(class);
        classes.sort_by_key(|class| std::cmp::Reverse(class.version));
        for field in class.fields {
            if let Some(nested) = (field.nested)() {
                self.add(nested);
            }
        }
    }

    fn versions(
        &self,
        name: &str,
    ) -> Result<(&'static ObjectDefinition, &[&'static ObjectDefinition]), ObjectError> {
        match self.classes.get(name).map(Vec::as_slice) {
            Some(classes @ [newest, ..]) => Ok((newest, classes)),
            _ => Err(ObjectError::UnsupportedObject {
                objtype: name.to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
