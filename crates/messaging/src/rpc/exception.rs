//! Putting together the failure that an error of the program is sent as.

use serde::Serialize;

use super::Arguments;
use crate::wire::{Failure, RawJson};

/// An exception as Python services know it, put together argument by argument.
///
/// A peer makes its own exception of it by calling the class with these arguments. An argument that has no JSON form
/// is left out, since the caller must be answered all the same: it then sees a generic remote error with the text.
///
/// ```
/// use bergen_messaging::rpc::Exception;
///
/// let failure = Exception::new("nova.exception", "InstanceNotFound", "Instance 7 could not be found.")
///     .kwarg("instance_id", &7)
///     .into_failure();
/// assert_eq!(failure.args.as_str(), r#"["Instance 7 could not be found."]"#);
/// assert_eq!(failure.kwargs.as_str(), r#"{"instance_id":7}"#);
/// ```
#[derive(Debug, Clone)]
pub struct Exception {
    failure: Failure,
    args: Vec<RawJson>,
    kwargs: Arguments,
}

impl Exception {
    /// The exception `class` of the Python module `module`. Without an [`arg`](Self::arg), `text` is its only
    /// positional argument, as for most exceptions of Python.
    pub fn new(
        module: impl Into<String>,
        class: impl Into<String>,
        text: impl Into<String>,
    ) -> Self {
        Self {
            failure: Failure::new(module, class, text),
            args: Vec::new(),
            kwargs: Arguments::new(),
        }
    }

    /// Adds a positional argument.
    #[must_use]
    pub fn arg<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        self.args.extend(RawJson::encode(value).ok());
        self
    }

    /// Adds a keyword argument.
    #[must_use]
    pub fn kwarg<T: Serialize + ?Sized>(mut self, name: &'static str, value: &T) -> Self {
        if let Ok(value) = RawJson::encode(value) {
            self.kwargs.insert(name, value);
        }
        self
    }

    /// The failure to send.
    pub fn into_failure(self) -> Failure {
        let Self {
            mut failure,
            args,
            kwargs,
        } = self;
        if !args.is_empty()
            && let Ok(args) = RawJson::encode(&args)
        {
            failure.args = args;
        }
        if let Ok(kwargs) = RawJson::encode(&kwargs) {
            failure.kwargs = kwargs;
        }
        failure
    }
}
