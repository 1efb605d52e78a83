//! What goes wrong with objects, under the names that Python services know.

use bergen_macros::RpcError;

/// Why an object was refused.
///
/// As the failure of a method it arrives in Python as the exception of oslo.versionedobjects of the same name; as the
/// failure of a call it is what [`CallError::remote`](bergen_messaging::rpc::CallError::remote) turns into.
#[derive(Debug, Clone, PartialEq, Eq, RpcError)]
#[rpc(module = "oslo_versionedobjects.exception", crate = bergen_messaging)]
#[non_exhaustive]
pub enum ObjectError {
    /// The class is unknown, or the object is another project's: then `objtype` is `<namespace>.<name>`.
    #[rpc(
        class = "UnsupportedObjectError",
        message = "Unsupported object type {objtype}"
    )]
    UnsupportedObject {
        /// The class.
        objtype: String,
    },
    /// The object is newer than the newest class of its name here, or of another major.
    #[rpc(
        class = "IncompatibleObjectVersion",
        message = "Version {objver} of {objname} is not supported, supported version is {supported}"
    )]
    IncompatibleVersion {
        /// The class.
        objname: String,
        /// The object's version.
        objver: String,
        /// The newest version here.
        supported: String,
    },
    /// A version was asked for that is newer than the class.
    #[rpc(
        class = "InvalidTargetVersion",
        message = "Invalid target version {version}"
    )]
    InvalidTargetVersion {
        /// The version asked for.
        version: String,
    },
    /// A read-only field that is set already was to get another value.
    #[rpc(
        class = "ReadOnlyFieldError",
        message = "Cannot modify readonly field {field}"
    )]
    ReadOnlyField {
        /// The field.
        field: String,
    },
    /// The method can't be done with this object, for example creating one that exists.
    #[rpc(
        class = "ObjectActionError",
        message = "Object action {action} failed because: {reason}"
    )]
    Action {
        /// The method.
        action: String,
        /// Why.
        reason: String,
    },
    /// An envelope or a value that is none.
    #[rpc(module = "builtins", class = "ValueError", message = "{0}")]
    Value(String),
}

impl ObjectError {
    /// The same, where a value's error says whose value it was.
    pub(super) fn of_field(self, object: &str, field: &str) -> Self {
        match self {
            Self::Value(cause) => Self::Value(format!("{object}.{field}: {cause}")),
            error => error,
        }
    }
}
