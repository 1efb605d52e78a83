//! Objects of classes that the program knows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bergen_messaging::wire::RawJson;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::envelope::Data;
use super::{Envelope, Manifest, ObjectDefinition, ObjectError, ObjectField, Version, backport};

/// An object with typed fields. Derived, not written by hand:
///
/// ```
/// use bergen_openstack::objects::{Field, Header, ReadOnly, SerialNamespace, VersionedObject};
///
/// const MINE: SerialNamespace = SerialNamespace::new("versioned_object", "mine");
///
/// #[derive(Debug, Clone, PartialEq, Default, VersionedObject)]
/// #[object(name = "Lamp", version = "1.2", namespace = MINE)]
/// struct Lamp {
///     #[object(header)]
///     header: Header,
///     id: ReadOnly<i64>,
///     room: Field<Option<String>>,
///     #[object(since = "1.2", default = true)]
///     lit: Field<bool>,
/// }
///
/// let mut lamp = Lamp::default();
/// lamp.room.set(Some("hall".to_owned()));
/// assert_eq!(lamp.what_changed().into_iter().collect::<Vec<_>>(), ["room"]);
/// assert_eq!(
///     lamp.to_envelope()?.to_json()?.as_str(),
///     r#"{"versioned_object.name":"Lamp","versioned_object.namespace":"mine","versioned_object.version":"1.2","versioned_object.data":{"room":"hall"},"versioned_object.changes":["room"]}"#,
/// );
/// # Ok::<(), bergen_openstack::objects::ObjectError>(())
/// ```
///
/// The derive also lets serde write and read the object as its envelope, so that it can be an argument or a result.
pub trait VersionedObject: Default {
    /// The class.
    fn definition() -> &'static ObjectDefinition;

    /// What belongs to the object beside its fields.
    fn header(&self) -> &Header;

    /// The same, to change it.
    fn header_mut(&mut self) -> &mut Header;

    /// The field at this place of the definition.
    fn field(&self, index: usize) -> Option<&dyn ObjectField>;

    /// The same, to change it.
    fn field_mut(&mut self, index: usize) -> Option<&mut dyn ObjectField>;

    /// Sets a field to its default and marks it as changed; `false` if it has none.
    fn set_default(&mut self, index: usize) -> bool {
        let _ = index;
        false
    }

    /// Sets all unset fields that have a default, and marks them as changed: oslo's `obj_set_defaults`.
    #[must_use]
    fn with_defaults(mut self) -> Self {
        for index in 0..Self::definition().fields.len() {
            if !self.field(index).is_some_and(ObjectField::is_set) {
                self.set_default(index);
            }
        }
        self
    }

    /// The version of this object: that of its class, or an older one that it was read with.
    fn version(&self) -> Version {
        self.header().version.unwrap_or(Self::definition().version)
    }

    /// The fields that a following `save` or `create` writes: those that were set, and those whose object has changes
    /// of its own. A list that holds objects with changes counts in list classes only.
    fn what_changed(&self) -> BTreeSet<&'static str> {
        let class = Self::definition();
        let fields = class.fields.iter().enumerate();
        let changed = fields.filter(|(index, _)| {
            self.field(*index)
                .is_some_and(|field| field.is_changed() || field.holds_changes(class.list))
        });
        changed.map(|(_, field)| field.name).collect()
    }

    /// Marks all fields as unchanged; nested objects keep their changes.
    fn reset_changes(&mut self) {
        for index in 0..Self::definition().fields.len() {
            if let Some(field) = self.field_mut(index) {
                field.mark(false);
            }
        }
    }

    /// The object as it travels, with its own version.
    ///
    /// # Errors
    /// A value has no JSON form.
    fn to_envelope(&self) -> Result<Envelope, ObjectError> {
        let class = Self::definition();
        let mut envelope = Envelope::new(class.namespace.clone(), class.name, self.version());
        for (index, field) in class.fields.iter().enumerate() {
            let written = self.field(index).map_or(Ok(None), ObjectField::write);
            if let Some(value) = written.map_err(|error| error.of_field(class.name, field.name))? {
                envelope.data.insert(field.name.to_owned(), value);
            }
        }
        let changes = self.what_changed().into_iter();
        envelope.changes = changes.map(ToOwned::to_owned).collect();
        Ok(envelope)
    }

    /// The object as it travels to a peer that knows an older version; see [`backport`](super::backport).
    ///
    /// # Errors
    /// The version is newer than the class's, or a value has no JSON form.
    fn backported(
        &self,
        target: Version,
        manifest: Option<&Manifest>,
    ) -> Result<Envelope, ObjectError> {
        backport(self.to_envelope()?, Self::definition(), target, manifest)
    }

    /// Reads an object. Fields that the class does not know are kept aside ([`Header::unknown`]). A `null` where none
    /// is allowed becomes the field's default, or leaves it unset with a warning in the log.
    ///
    /// # Errors
    /// Another class, a version that the class does not read, or a value that does not fit its field.
    fn from_envelope(envelope: Envelope) -> Result<Self, ObjectError> {
        let class = Self::definition();
        if envelope.name != class.name {
            return Err(ObjectError::UnsupportedObject {
                objtype: envelope.name,
            });
        }
        let version = class.read_version(envelope.version)?;
        let mut object = Self::default();
        object.header_mut().version = Some(version);
        load(&mut object, envelope.data)?;
        if class.absent_defaults {
            object = object.with_defaults();
        }
        mark(&mut object, &envelope.changes);
        Ok(object)
    }

    /// Takes over what a remote method made of the object: the `updates` of an `object_action`. The fields in it are
    /// set; then those in its `obj_what_changed` count as changed, and no others.
    ///
    /// # Errors
    /// A value does not fit its field; the object may have taken over others.
    fn merge(&mut self, updates: &RawJson) -> Result<(), ObjectError> {
        let mut changes = BTreeSet::new();
        let mut data = Data::new();
        for (name, value) in updates.members() {
            if name.as_str() == WHAT_CHANGED {
                let names = value.elements().filter_map(|name| name.as_text());
                changes = names.map(|name| name.as_str().to_owned()).collect();
            } else if Self::definition().find(&name).is_some() {
                data.insert(name.as_str().to_owned(), value);
            }
        }
        load(self, data)?;
        mark(self, &changes);
        Ok(())
    }
}

/// What belongs to an object beside its fields. A part of each struct that derives `VersionedObject`.
#[derive(Clone, PartialEq, Default)]
pub struct Header {
    version: Option<Version>,
    unknown: Data,
}

impl Header {
    /// The fields of the message that the class does not know. They are not written.
    pub fn unknown(&self) -> &BTreeMap<String, RawJson> {
        &self.unknown
    }
}

impl fmt::Debug for Header {
    /// Names of fields only: values may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header")
            .field("version", &self.version)
            .field("unknown", &self.unknown.keys())
            .finish()
    }
}

impl ObjectDefinition {
    /// What an object of this version is read as.
    ///
    /// # Errors
    /// [`ObjectError::IncompatibleVersion`]: it has to be backported first.
    pub fn read_version(&self, version: Version) -> Result<Version, ObjectError> {
        self.version
            .reads(version)
            .ok_or_else(|| ObjectError::IncompatibleVersion {
                objname: self.name.to_owned(),
                objver: version.to_string(),
                supported: self.version.to_string(),
            })
    }
}

/// Writes an object as its envelope; for what `#[derive(VersionedObject)]` writes.
///
/// # Errors
/// A value has no JSON form.
pub fn serialize<T: VersionedObject, S: Serializer>(
    object: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let envelope = object.to_envelope().map_err(serde::ser::Error::custom)?;
    envelope.serialize(serializer)
}

/// Reads an object from its envelope; for what `#[derive(VersionedObject)]` writes.
///
/// # Errors
/// As [`VersionedObject::from_envelope`].
pub fn deserialize<'de, T: VersionedObject, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    let json = RawJson::deserialize(deserializer)?;
    Envelope::read(&json, &T::definition().namespace)
        .and_then(T::from_envelope)
        .map_err(serde::de::Error::custom)
}

fn load<T: VersionedObject>(object: &mut T, data: Data) -> Result<(), ObjectError> {
    let class = T::definition();
    for (name, value) in data {
        let Some((index, definition)) = class.find(&name) else {
            object.header_mut().unknown.insert(name, value);
            continue;
        };
        let loaded = object
            .field_mut(index)
            .map_or(Ok(true), |field| field.load(&value))
            .map_err(|error| error.of_field(class.name, definition.name))?;
        if !loaded && !object.set_default(index) {
            tracing::warn!(
                "{}.{} came as null and must not be: it is unset",
                class.name,
                definition.name
            );
        }
    }
    Ok(())
}

fn mark<T: VersionedObject>(object: &mut T, changes: &BTreeSet<String>) {
    for (index, definition) in T::definition().fields.iter().enumerate() {
        if let Some(field) = object.field_mut(index) {
            field.mark(changes.contains(definition.name));
        }
    }
}

const WHAT_CHANGED: &str = "obj_what_changed";

#[cfg(test)]
mod tests;
