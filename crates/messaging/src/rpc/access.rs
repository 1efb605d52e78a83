//! Which of an endpoint's methods callers may reach.

use super::MethodInfo;

/// Which of an endpoint's methods callers may reach. A method that is refused does not exist for them.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub enum AccessPolicy {
    /// All but those whose name starts with `_`. The peer's default.
    #[default]
    Default,
    /// Only those marked as exposed.
    Explicit,
    /// All of them.
    Legacy,
    /// Those that the function accepts.
    Custom(fn(&MethodInfo) -> bool),
}

impl AccessPolicy {
    /// Whether callers may reach `method`.
    pub fn allows(self, method: &MethodInfo) -> bool {
        match self {
            Self::Default => !method.name.starts_with('_'),
            Self::Explicit => method.exposed,
            Self::Legacy => true,
            Self::Custom(allows) => allows(method),
        }
    }
}
