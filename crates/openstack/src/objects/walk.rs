//! Finding the objects in arguments and results.

use bergen_messaging::wire::{JsonKind, RawJson};

use super::envelope::unwritable;
use super::{Envelope, ObjectError, Registry, SerialNamespace};

/// Replaces objects in a value, at any depth of arrays and maps, but not objects in objects. `None`: nothing changed.
/// A value without objects costs one search in its text.
///
/// # Errors
/// What `replace` says, or nesting of more than [`MAX_DEPTH`] levels around an object.
pub(super) fn rewrite(
    json: &RawJson,
    namespace: &SerialNamespace,
    replace: &mut impl FnMut(&RawJson) -> Result<Option<RawJson>, ObjectError>,
) -> Result<Option<RawJson>, ObjectError> {
    if json.as_str().contains(&namespace.key("name")) {
        rewrite_at(json, namespace, 0, replace)
    } else {
        Ok(None)
    }
}

fn rewrite_at(
    json: &RawJson,
    namespace: &SerialNamespace,
    depth: usize,
    replace: &mut impl FnMut(&RawJson) -> Result<Option<RawJson>, ObjectError>,
) -> Result<Option<RawJson>, ObjectError> {
    check_depth(depth)?;
    let mut changed = false;
    let mut inner = |value: RawJson| {
        let new = rewrite_at(&value, namespace, depth + 1, replace)?;
        changed |= new.is_some();
        Ok::<_, ObjectError>(new.unwrap_or(value))
    };
    let rewritten = match json.kind() {
        JsonKind::Object if Envelope::is_one(json, namespace) => return replace(json),
        JsonKind::Object => {
            let members = json.members();
            let members = members.map(|(key, value)| Ok((key.to_string(), inner(value)?)));
            let members = members.collect::<Result<super::Data, ObjectError>>()?;
            changed.then(|| RawJson::encode(&members))
        }
        JsonKind::Array => {
            let elements = json.elements().map(&mut inner);
            let elements = elements.collect::<Result<Vec<_>, _>>()?;
            changed.then(|| RawJson::encode(&elements))
        }
        _ => None,
    };
    rewritten.transpose().map_err(unwritable)
}

impl Registry {
    /// Whether all objects in a value, and those in their fields, are of known classes and of versions that these read.
    ///
    /// # Errors
    /// What is wrong with the first that is not, or nesting of more than 100 levels.
    pub fn check(&self, json: &RawJson) -> Result<(), ObjectError> {
        if json.as_str().contains(&self.namespace().key("name")) {
            self.check_at(json, 0)
        } else {
            Ok(())
        }
    }

    fn check_at(&self, json: &RawJson, depth: usize) -> Result<(), ObjectError> {
        check_depth(depth)?;
        match json.kind() {
            JsonKind::Object if Envelope::is_one(json, self.namespace()) => {
                let envelope = Envelope::read(json, self.namespace())?;
                self.find(&envelope.name, envelope.version)?;
                let mut values = envelope.data.values();
                values.try_for_each(|value| self.check_at(value, depth + 1))
            }
            JsonKind::Object => {
                let mut members = json.members();
                members.try_for_each(|(_, value)| self.check_at(&value, depth + 1))
            }
            JsonKind::Array => {
                let mut elements = json.elements();
                elements.try_for_each(|value| self.check_at(&value, depth + 1))
            }
            _ => Ok(()),
        }
    }
}

fn check_depth(depth: usize) -> Result<(), ObjectError> {
    if depth > MAX_DEPTH {
        let reason = format!("objects are nested in more than {MAX_DEPTH} levels");
        return Err(ObjectError::Value(reason));
    }
    Ok(())
}

/// More than any service nests: a compute node in a service is at level 8. It bounds the work, since each level reads
/// its text again.
const MAX_DEPTH: usize = 100;

#[cfg(test)]
mod tests;
