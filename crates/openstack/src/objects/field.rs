//! The cells that hold the fields of an object.

use std::ops::Deref;

use bergen_messaging::wire::RawJson;

use super::{FieldValue, ObjectDefinition, ObjectError};

/// A field of an object: unset, or set to a value, which may have changed since it was loaded.
///
/// A nullable field is a `Field<Option<T>>`. Setting marks it as changed, loading from a message does not.
///
/// ```
/// use bergen_openstack::objects::Field;
///
/// let mut host = Field::default();
/// assert_eq!(host.get(), None);
/// host.set("compute-1".to_owned());
/// assert!(host.is_changed());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field<T> {
    value: Option<T>,
    changed: bool,
}

impl<T> Field<T> {
    /// A field that is set and counts as unchanged, as if it had been loaded.
    pub const fn loaded(value: T) -> Self {
        Self {
            value: Some(value),
            changed: false,
        }
    }

    /// The value, if it is set.
    pub const fn get(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// The value, to change it in place. That does not mark the field as changed: a nested object keeps its own
    /// changes, and everything else is better [`set`](Self::set).
    pub const fn get_mut(&mut self) -> Option<&mut T> {
        self.value.as_mut()
    }

    /// Sets the value and marks the field as changed.
    pub fn set(&mut self, value: T) {
        *self = Self::from(value);
    }

    /// Unsets the field.
    pub fn unset(&mut self) {
        *self = Self::default();
    }

    /// Whether it is set.
    pub const fn is_set(&self) -> bool {
        self.value.is_some()
    }

    /// Whether it was set since it was loaded.
    pub const fn is_changed(&self) -> bool {
        self.changed
    }
}

/// Set and changed, as the fields that are given to a constructor in Python.
impl<T> From<T> for Field<T> {
    fn from(value: T) -> Self {
        Self {
            value: Some(value),
            changed: true,
        }
    }
}

/// Unset.
impl<T> Default for Field<T> {
    fn default() -> Self {
        Self {
            value: None,
            changed: false,
        }
    }
}

/// A field that is set once, by whoever made the object, such as `id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOnly<T>(Field<T>);

impl<T: PartialEq> ReadOnly<T> {
    /// Sets the value, unless it is set to another one.
    ///
    /// # Errors
    /// [`ObjectError::ReadOnlyField`]; `field` is its name there.
    pub fn set(&mut self, field: &str, value: T) -> Result<(), ObjectError> {
        match self.0.get() {
            Some(old) if *old == value => Ok(()),
            Some(_) => Err(ObjectError::ReadOnlyField {
                field: field.to_owned(),
            }),
            None => {
                self.0.set(value);
                Ok(())
            }
        }
    }
}

impl<T> Deref for ReadOnly<T> {
    type Target = Field<T>;

    fn deref(&self) -> &Field<T> {
        &self.0
    }
}

/// Set and changed.
impl<T> From<T> for ReadOnly<T> {
    fn from(value: T) -> Self {
        Self(Field::from(value))
    }
}

/// Unset.
impl<T> Default for ReadOnly<T> {
    fn default() -> Self {
        Self(Field::default())
    }
}

/// A field, whatever its type. Implemented by [`Field`] and [`ReadOnly`], for what `#[derive(VersionedObject)]` writes.
pub trait ObjectField {
    /// Whether it is set.
    fn is_set(&self) -> bool;
    /// Whether it was set since it was loaded.
    fn is_changed(&self) -> bool;
    /// Whether an object in it has changes. Those in a list count for a list class only.
    fn holds_changes(&self, in_list: bool) -> bool;
    /// Marks it as changed or not.
    fn mark(&mut self, changed: bool);
    /// Takes a value from a message. `false`: it is `null` and must not be, so that the field is unset now.
    ///
    /// # Errors
    /// The value is not of the field's type.
    fn load(&mut self, json: &RawJson) -> Result<bool, ObjectError>;
    /// The value as it travels, if it is set.
    ///
    /// # Errors
    /// It has no JSON form.
    fn write(&self) -> Result<Option<RawJson>, ObjectError>;
}

impl<T: FieldValue> ObjectField for Field<T> {
    fn is_set(&self) -> bool {
        Self::is_set(self)
    }

    fn is_changed(&self) -> bool {
        self.changed
    }

    fn holds_changes(&self, in_list: bool) -> bool {
        self.get().is_some_and(|value| value.has_changes(in_list))
    }

    fn mark(&mut self, changed: bool) {
        self.changed = changed && self.is_set();
    }

    fn load(&mut self, json: &RawJson) -> Result<bool, ObjectError> {
        let refused = json.is_null() && !T::NULLABLE;
        *self = if refused {
            Self::default()
        } else {
            Self::loaded(T::read(json)?)
        };
        Ok(!refused)
    }

    fn write(&self) -> Result<Option<RawJson>, ObjectError> {
        self.get().map(FieldValue::write).transpose()
    }
}

impl<T: FieldValue> ObjectField for ReadOnly<T> {
    fn is_set(&self) -> bool {
        self.0.is_set()
    }

    fn is_changed(&self) -> bool {
        self.0.is_changed()
    }

    fn holds_changes(&self, in_list: bool) -> bool {
        self.0.holds_changes(in_list)
    }

    fn mark(&mut self, changed: bool) {
        self.0.mark(changed);
    }

    fn load(&mut self, json: &RawJson) -> Result<bool, ObjectError> {
        self.0.load(json)
    }

    fn write(&self) -> Result<Option<RawJson>, ObjectError> {
        ObjectField::write(&self.0)
    }
}

/// The class of the objects that a field holds; for what `#[derive(VersionedObject)]` writes.
pub trait Nesting {
    /// The class, if it holds any.
    fn nested() -> Option<&'static ObjectDefinition>;
}

impl<T: FieldValue> Nesting for Field<T> {
    fn nested() -> Option<&'static ObjectDefinition> {
        T::nested()
    }
}

impl<T: FieldValue> Nesting for ReadOnly<T> {
    fn nested() -> Option<&'static ObjectDefinition> {
        T::nested()
    }
}

#[cfg(test)]
mod tests;
