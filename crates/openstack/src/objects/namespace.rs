//! Whose objects they are.

use std::borrow::Cow;

/// How a project marks its objects on the wire: the prefix of the keys of an envelope, and the name that stands under
/// `<prefix>.namespace`.
///
/// Mirrors `OBJ_SERIAL_NAMESPACE` and `OBJ_PROJECT_NAMESPACE` of oslo.versionedobjects.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SerialNamespace {
    /// The prefix of the keys, without the point.
    pub prefix: Cow<'static, str>,
    /// The project.
    pub project: Cow<'static, str>,
}

impl SerialNamespace {
    /// That of another project.
    ///
    /// ```
    /// use bergen_openstack::objects::SerialNamespace;
    ///
    /// const CINDER: SerialNamespace = SerialNamespace::new("versioned_object", "cinder");
    /// ```
    pub const fn new(prefix: &'static str, project: &'static str) -> Self {
        Self {
            prefix: Cow::Borrowed(prefix),
            project: Cow::Borrowed(project),
        }
    }

    /// The key of an envelope, `<prefix>.<name>`.
    pub(super) fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }
}

/// nova's.
pub const NOVA: SerialNamespace = SerialNamespace::new("nova_object", "nova");

/// neutron's, which are the defaults of oslo.versionedobjects.
pub const NEUTRON: SerialNamespace = SerialNamespace::new("versioned_object", "versionedobjects");
