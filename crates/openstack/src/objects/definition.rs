//! What is known of a class without having an object of it.

use std::collections::BTreeMap;

use super::envelope::Data;
use super::{SerialNamespace, Version};

/// A class of objects; what `#[derive(VersionedObject)]` writes down.
#[derive(Debug)]
pub struct ObjectDefinition {
    /// The class's name in Python.
    pub name: &'static str,
    /// Whose it is.
    pub namespace: SerialNamespace,
    /// The newest version here.
    pub version: Version,
    /// Its fields, in the order of the struct.
    pub fields: &'static [FieldDefinition],
    /// Whether it is a list class: one whose field `objects` is what it is about.
    pub list: bool,
    /// Whether absent fields that have a default are read as the default, as neutron's classes do.
    pub absent_defaults: bool,
    /// What brings the fields to an older version, apart from removing those that are newer.
    pub make_compatible: Option<fn(&mut Data, Version)>,
}

/// A field of a class.
#[derive(Debug)]
pub struct FieldDefinition {
    /// Its name.
    pub name: &'static str,
    /// The version of the class that brought it; `None` if it was always there.
    pub since: Option<Version>,
    /// The class of the objects in it, if it holds any.
    pub nested: fn() -> Option<&'static ObjectDefinition>,
    /// Which version of the class goes with which version of the objects in it, oldest first: oslo's
    /// `obj_relationships`.
    pub relationships: &'static [(Version, Version)],
}

/// Class names and versions: what a service knows, told to the one that makes objects for it. The
/// `object_versions` of nova's conductor.
pub type Manifest = BTreeMap<String, Version>;

impl ObjectDefinition {
    /// The class and all that can be in its fields, each with the newest version here.
    pub fn manifest(&self) -> Manifest {
        let mut manifest = Manifest::new();
        self.visit(&mut |class| {
            let name = class.name.to_owned();
            manifest.insert(name, class.version).is_none()
        });
        manifest
    }

    /// The class and all that can be in its fields, as long as `enter` says yes to them.
    pub(super) fn visit(&self, enter: &mut impl FnMut(&Self) -> bool) {
        if enter(self) {
            for field in self.fields {
                if let Some(class) = (field.nested)() {
                    class.visit(enter);
                }
            }
        }
    }

    /// The place and the description of a field.
    pub(super) fn find(&self, name: &str) -> Option<(usize, &'static FieldDefinition)> {
        let mut fields = self.fields.iter().enumerate();
        fields.find(|(_, field)| field.name == name)
    }
}

#[cfg(test)]
mod tests;
