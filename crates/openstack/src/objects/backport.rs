//! Older versions for peers that know no newer ones.

use bergen_messaging::wire::{JsonKind, RawJson};

use super::envelope::{Data, unwritable};
use super::{Envelope, FieldDefinition, Manifest, ObjectDefinition, ObjectError, Version};

/// Brings an object to an older version of its class: fields that are newer go, from the changes too, and objects in
/// its fields are brought to the version that the manifest names for their class.
///
/// What the manifest does not name stays as it is. Without a manifest the class's relationships say which version of
/// the objects goes with the target; a field whose objects came later goes. List classes that know no version for their
/// objects send them as 1.0. With a manifest the objects are visited even if the version is the same. No object in a
/// field becomes newer.
///
/// # Errors
/// [`ObjectError::InvalidTargetVersion`] if the target is newer than the object, and whatever is wrong with an object
/// in a field.
pub fn backport(
    mut envelope: Envelope,
    class: &ObjectDefinition,
    target: Version,
    manifest: Option<&Manifest>,
) -> Result<Envelope, ObjectError> {
    if target > envelope.version {
        return Err(ObjectError::InvalidTargetVersion {
            version: target.to_string(),
        });
    }
    if target != envelope.version || manifest.is_some() {
        for field in class.fields {
            let newer = field.since.is_some_and(|since| since > target);
            if newer || !nested(&mut envelope.data, class, field, target, manifest)? {
                envelope.data.remove(field.name);
            }
        }
        if let Some(make_compatible) = class.make_compatible {
            make_compatible(&mut envelope.data, target);
        }
    }
    let Envelope { data, changes, .. } = &mut envelope;
    changes.retain(|name| data.contains_key(name));
    envelope.version = target;
    Ok(envelope)
}

/// Brings what is in a field to the version that goes with the target. `false`: there was none yet.
fn nested(
    data: &mut Data,
    class: &ObjectDefinition,
    field: &FieldDefinition,
    target: Version,
    manifest: Option<&Manifest>,
) -> Result<bool, ObjectError> {
    let (Some(value), Some(inner)) = (data.get_mut(field.name), (field.nested)()) else {
        return Ok(true);
    };
    let known = match manifest {
        Some(manifest) => manifest.get(inner.name).copied(),
        None if field.relationships.is_empty() => None,
        None => {
            let mut older = field.relationships.iter().rev();
            match older.find(|(parent, _)| *parent <= target) {
                Some((_, version)) => Some(*version),
                None => return Ok(false),
            }
        }
    };
    if let Some(version) = known.or(class.list.then_some(OLDEST)) {
        *value = children(value, inner, version, manifest)?;
    }
    Ok(true)
}

/// An object, a list of them, or `null`.
fn children(
    json: &RawJson,
    class: &ObjectDefinition,
    version: Version,
    manifest: Option<&Manifest>,
) -> Result<RawJson, ObjectError> {
    match json.kind() {
        JsonKind::Array => {
            let each = json
                .elements()
                .map(|element| children(&element, class, version, manifest));
            RawJson::encode(&each.collect::<Result<Vec<_>, _>>()?).map_err(unwritable)
        }
        JsonKind::Object => {
            let envelope = Envelope::read(json, &class.namespace)?;
            let version = version.min(envelope.version);
            backport(envelope, class, version, manifest)?.to_json()
        }
        _ => Ok(json.clone()),
    }
}

/// What the objects of a list are sent as if nobody knows better.
const OLDEST: Version = Version::new(1, 0);

#[cfg(test)]
mod tests;
