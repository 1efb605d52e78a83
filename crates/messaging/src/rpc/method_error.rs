//! What a method fails with, on its way to the caller.

use std::borrow::Cow;

use super::{RpcError, SerializeError};
use crate::wire::Failure;

/// A method's failure as the caller will see it, and how the server is to log it.
///
/// Any error type that implements [`RpcError`] turns into one with `?`.
#[derive(Debug, Clone, PartialEq)]
pub struct MethodError {
    failure: Box<Failure>,
    expected: bool,
}

impl MethodError {
    /// A failure by the names that callers know it by: Python's module and class, and the text.
    pub fn new(
        module: impl Into<String>,
        class: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::from(Failure::new(module, class, message))
    }

    /// Python's `TypeError`: arguments that do not fit the method.
    pub fn type_error(message: impl Into<String>) -> Self {
        Self::new(BUILTINS, "TypeError", message)
    }

    /// Python's `ValueError`: an argument, or a result, of a value that can't be used.
    pub fn value_error(message: impl Into<String>) -> Self {
        Self::new(BUILTINS, "ValueError", message)
    }

    /// Python's `RuntimeError`: something broke that is no fault of the caller.
    pub fn runtime_error(message: impl Into<String>) -> Self {
        Self::new(BUILTINS, "RuntimeError", message)
    }

    /// The answer to a method that no endpoint of the right namespace and version has. The text is the peer's.
    pub fn no_such_method(method: &str) -> Self {
        Self::new(
            DISPATCHER,
            "NoSuchMethod",
            format!("Endpoint does not support RPC method {method}"),
        )
    }

    /// The answer to a namespace or version that no endpoint has. The text is the peer's.
    pub fn unsupported_version(version: &str, method: &str) -> Self {
        Self::new(
            DISPATCHER,
            "UnsupportedVersion",
            format!("Endpoint does not support RPC version {version}. Attempted method: {method}"),
        )
    }

    /// The same failure, marked as part of the method's contract: the server logs it at debug instead of error. The
    /// counterpart of the peer's `expected_exceptions`.
    #[must_use]
    pub fn expected(self) -> Self {
        Self {
            expected: true,
            ..self
        }
    }

    /// Whether the failure is part of the method's contract.
    pub fn is_expected(&self) -> bool {
        self.expected
    }

    /// The failure as the caller will see it.
    pub fn failure(&self) -> &Failure {
        &self.failure
    }

    /// The failure to send: with a traceback (its exception line at least) and without the `_Remote` suffix of
    /// errors that came from another call.
    pub fn into_failure(self) -> Box<Failure> {
        let mut failure = Box::new(self.failure.without_remote_suffix());
        if failure.tb.is_empty() {
            let module: Cow<'_, str> = match failure.canonical_module() {
                BUILTINS => Cow::Borrowed(""),
                module => Cow::Owned(format!("{module}.")),
            };
            failure.tb = vec![format!("{module}{}: {}\n", failure.class, failure.message)];
        }
        failure
    }
}

impl From<Failure> for MethodError {
    fn from(failure: Failure) -> Self {
        Self {
            failure: Box::new(failure),
            expected: false,
        }
    }
}

impl<E: RpcError> From<E> for MethodError {
    fn from(error: E) -> Self {
        Self {
            failure: Box::new(error.to_failure()),
            expected: error.is_expected(),
        }
    }
}

/// A serializer's refusal as the caller sees it.
impl From<SerializeError> for MethodError {
    fn from(error: SerializeError) -> Self {
        Self::value_error(error.to_string())
    }
}

const BUILTINS: &str = "builtins";
/// Where the peer's own dispatch errors live; its clients know them by this module.
const DISPATCHER: &str = "oslo_messaging.rpc.dispatcher";
