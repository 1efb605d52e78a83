//! A method's arguments, on both sides: built by name by the caller, taken by name by the method.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::ser::SerializeMap;

use super::MethodError;
use crate::wire::{JsonError, JsonKind, RawJson, Text};

/// Arguments by name, put together one by one. Any map or struct that serialises to a JSON object serves as well.
///
/// ```
/// use bergen_messaging::rpc::Arguments;
///
/// let arguments = Arguments::new().with("a", &1)?.with("b", "two")?;
/// # Ok::<(), bergen_messaging::wire::JsonError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Arguments {
    values: Vec<(Cow<'static, str>, RawJson)>,
}

impl Arguments {
    /// No arguments.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an argument; one of the same name is replaced.
    ///
    /// # Errors
    /// The value has no JSON form.
    pub fn with<T: Serialize + ?Sized>(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: &T,
    ) -> Result<Self, JsonError> {
        self.insert(name, RawJson::encode(value)?);
        Ok(self)
    }

    /// Adds an argument that is JSON already; one of the same name is replaced.
    pub fn insert(&mut self, name: impl Into<Cow<'static, str>>, value: RawJson) {
        let name = name.into();
        match self.values.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.values.push((name, value)),
        }
    }
}

impl Serialize for Arguments {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.values.len()))?;
        for (name, value) in &self.values {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// One parameter of a method, as callers know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// The name that callers use.
    pub name: Cow<'static, str>,
    /// Whether a call without it is refused; otherwise the method has a default.
    pub required: bool,
}

impl Parameter {
    /// A parameter that every call must give.
    pub const fn required(name: &'static str) -> Self {
        Self {
            name: Cow::Borrowed(name),
            required: true,
        }
    }

    /// A parameter with a default.
    pub const fn optional(name: &'static str) -> Self {
        Self {
            name: Cow::Borrowed(name),
            required: false,
        }
    }
}

/// The arguments of one call, matched with a method's parameters and ready to be taken.
///
/// What does not match is answered with Python's `TypeError` in Python's words, so that callers there see what they
/// are used to.
#[derive(Debug)]
pub struct BoundArguments<'a> {
    method: &'a str,
    parameters: &'a [Parameter],
    values: Vec<Option<RawJson>>,
}

impl<'a> BoundArguments<'a> {
    /// Matches the object `arguments` with `parameters`. `method` names the method in errors, as `Class.method`.
    ///
    /// # Errors
    /// A `TypeError` if `arguments` is not an object, has an unknown member, or lacks a required one.
    pub fn bind(
        method: &'a str,
        parameters: &'a [Parameter],
        arguments: &RawJson,
    ) -> Result<Self, MethodError> {
        let mut values = vec![None; parameters.len()];
        for (name, value) in object_members(method, arguments)? {
            let position = parameters
                .iter()
                .position(|parameter| parameter.name == *name);
            match position.and_then(|position| values.get_mut(position)) {
                Some(place) => *place = Some(value),
                None => {
                    return Err(MethodError::type_error(format!(
                        "{method}() got an unexpected keyword argument '{name}'"
                    )));
                }
            }
        }
        let missing: Vec<&str> = parameters
            .iter()
            .zip(&values)
            .filter(|(parameter, value)| parameter.required && value.is_none())
            .map(|(parameter, _)| &*parameter.name)
            .collect();
        if missing.is_empty() {
            Ok(Self {
                method,
                parameters,
                values,
            })
        } else {
            Err(MethodError::type_error(missing_text(method, &missing)))
        }
    }

    /// Takes the argument `name` as a `T`.
    ///
    /// # Errors
    /// A `TypeError` if it is not given or is not a `T`.
    pub fn take<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, MethodError> {
        match self.take_raw(name) {
            Some(value) => self.decode(name, &value),
            None => Err(MethodError::type_error(missing_text(self.method, &[name]))),
        }
    }

    /// Takes the argument `name` as a `T`, or `default()` if it is not given.
    ///
    /// # Errors
    /// A `TypeError` if it is given and is not a `T`.
    pub fn take_or<T: DeserializeOwned>(
        &mut self,
        name: &str,
        default: impl FnOnce() -> T,
    ) -> Result<T, MethodError> {
        match self.take_raw(name) {
            Some(value) => self.decode(name, &value),
            None => Ok(default()),
        }
    }

    /// Takes the argument `name` as it came, if it is given.
    pub fn take_raw(&mut self, name: &str) -> Option<RawJson> {
        let position = self
            .parameters
            .iter()
            .position(|parameter| parameter.name == name)?;
        self.values.get_mut(position)?.take()
    }

    fn decode<T: DeserializeOwned>(&self, name: &str, value: &RawJson) -> Result<T, MethodError> {
        value.decode().map_err(|error| {
            MethodError::type_error(format!("{}() argument '{name}': {error}", self.method))
        })
    }
}

/// The members of an argument object; the last of the same name counts, as in Python.
fn object_members<'a>(
    method: &str,
    arguments: &'a RawJson,
) -> Result<impl Iterator<Item = (Text, RawJson)> + use<'a>, MethodError> {
    if arguments.kind() == JsonKind::Object {
        Ok(arguments.members())
    } else {
        Err(MethodError::type_error(format!(
            "{method}() arguments must be an object"
        )))
    }
}

/// Python's text for required arguments that are not given.
fn missing_text(method: &str, names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    let list = match quoted.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first, second] => format!("{first} and {second}"),
        [most @ .., last] => format!("{}, and {last}", most.join(", ")),
    };
    let plural = if names.len() == 1 { "" } else { "s" };
    let count = names.len();
    format!("{method}() missing {count} required positional argument{plural}: {list}")
}

#[cfg(test)]
mod tests;
