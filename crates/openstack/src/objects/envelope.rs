//! The form in which objects travel.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

use bergen_messaging::wire::{JsonError, JsonKind, RawJson};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ObjectError, SerialNamespace, Version};

/// The fields of an object that are set, each as it travels.
pub type Data = BTreeMap<String, RawJson>;

/// An object as it travels: what Python calls a primitive. Values stay JSON text until they are asked for.
///
/// As an argument, result or field it takes any object of any project as it is, and gives it back with the same
/// version, values and changes: for proxies, and for classes that a program does not care about.
///
/// ```
/// use bergen_openstack::objects::Envelope;
///
/// let text = r#"{"nova_object.name": "HVSpec", "nova_object.namespace": "nova", "nova_object.version": "1.2",
///                "nova_object.data": {"arch": "x86_64"}, "nova_object.changes": ["arch"]}"#;
/// let envelope: Envelope = serde_json::from_str(text)?;
/// assert_eq!(envelope.name, "HVSpec");
/// assert_eq!(envelope.data["arch"].as_str(), r#""x86_64""#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Envelope {
    /// The project's marks.
    pub namespace: SerialNamespace,
    /// The class.
    pub name: String,
    /// The version of this object, which may be older than its class.
    pub version: Version,
    /// The fields that are set. A field that is not here is unset, which is something else than `null`.
    pub data: Data,
    /// The fields that a following `save` or `create` writes. A set field that is not listed is not written.
    pub changes: BTreeSet<String>,
}

impl Envelope {
    /// An object without fields.
    pub fn new(namespace: SerialNamespace, name: impl Into<String>, version: Version) -> Self {
        Self {
            namespace,
            name: name.into(),
            version,
            data: Data::new(),
            changes: BTreeSet::new(),
        }
    }

    /// Whether JSON is an object of the project, as the peers tell: by the key `<prefix>.name`.
    pub fn is_one(json: &RawJson, namespace: &SerialNamespace) -> bool {
        json.member(&namespace.key(NAME)).is_some()
    }

    /// Reads an object of a project.
    ///
    /// # Errors
    /// [`ObjectError::UnsupportedObject`] if it is another project's, [`ObjectError::Value`] if it is malformed.
    pub fn read(json: &RawJson, namespace: &SerialNamespace) -> Result<Self, ObjectError> {
        let envelope = Self::read_prefixed(json, &namespace.prefix)?;
        if envelope.namespace.project == namespace.project {
            Ok(envelope)
        } else {
            let objtype = format!("{}.{}", envelope.namespace.project, envelope.name);
            Err(ObjectError::UnsupportedObject { objtype })
        }
    }

    /// Reads an object of any project.
    ///
    /// # Errors
    /// [`ObjectError::Value`] if it is malformed, or no object.
    pub fn read_any(json: &RawJson) -> Result<Self, ObjectError> {
        // Gathered once: a peer may send any number of keys that look like the name of an object.
        let keys: HashSet<String> = json.members().map(|(key, _)| key.to_string()).collect();
        let prefix = json.members().find_map(|(key, _)| {
            let prefix = key.strip_suffix(NAME)?.strip_suffix('.')?.to_owned();
            keys.contains(&format!("{prefix}.{DATA}")).then_some(prefix)
        });
        match prefix {
            Some(prefix) => Self::read_prefixed(json, &prefix),
            None => Err(ObjectError::Value(
                "this is no versioned object: there is no key that ends in .name".to_owned(),
            )),
        }
    }

    /// The object as JSON, with its changes in alphabetical order.
    ///
    /// # Errors
    /// It is nested too deeply.
    pub fn to_json(&self) -> Result<RawJson, ObjectError> {
        RawJson::encode(self).map_err(unwritable)
    }

    fn read_prefixed(json: &RawJson, prefix: &str) -> Result<Self, ObjectError> {
        let (mut name, mut project, mut version) = (None, None, None);
        let (mut data, mut changes) = (None, None);
        for (key, value) in json.members() {
            let key = key.strip_prefix(prefix);
            match key.and_then(|key| key.strip_prefix('.')) {
                Some(NAME) => name = value.as_text(),
                Some(NAMESPACE) => project = value.as_text(),
                Some(VERSION) => version = value.as_text(),
                Some(DATA) if value.kind() == JsonKind::Object => data = Some(value),
                Some(CHANGES) => changes = Some(value),
                _ => {}
            }
        }
        let missing = |key: &str| {
            ObjectError::Value(format!("{prefix}.{key} of an object is missing or no such"))
        };
        let data = data.ok_or_else(|| missing(DATA))?;
        let changes = changes.iter().flat_map(RawJson::elements);
        Ok(Self {
            namespace: SerialNamespace {
                prefix: prefix.to_owned().into(),
                project: project
                    .ok_or_else(|| missing(NAMESPACE))?
                    .to_string()
                    .into(),
            },
            name: name.ok_or_else(|| missing(NAME))?.to_string(),
            version: version.ok_or_else(|| missing(VERSION))?.parse()?,
            data: data
                .members()
                .map(|(field, value)| (field.to_string(), value))
                .collect(),
            changes: changes
                .filter_map(|field| Some(field.as_text()?.to_string()))
                .collect(),
        })
    }
}

impl fmt::Debug for Envelope {
    /// Names of fields only: values may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("namespace", &self.namespace.project)
            .field("name", &self.name)
            .field("version", &self.version)
            .field("data", &self.data.keys())
            .field("changes", &self.changes)
            .finish_non_exhaustive()
    }
}

impl Serialize for Envelope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let key = |name| self.namespace.key(name);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(&key(NAME), &self.name)?;
        map.serialize_entry(&key(NAMESPACE), &self.namespace.project)?;
        map.serialize_entry(&key(VERSION), &self.version)?;
        map.serialize_entry(&key(DATA), &self.data)?;
        if !self.changes.is_empty() {
            map.serialize_entry(&key(CHANGES), &self.changes)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Envelope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = RawJson::deserialize(deserializer)?;
        Self::read_any(&json).map_err(serde::de::Error::custom)
    }
}

/// What has no JSON form.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn unwritable(error: JsonError) -> ObjectError {
    ObjectError::Value(format!("the object can't be written: {error}"))
}

const NAME: &str = "name";
const NAMESPACE: &str = "namespace";
const VERSION: &str = "version";
const DATA: &str = "data";
const CHANGES: &str = "changes";

#[cfg(test)]
mod tests;
