//! A user.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{PasswordHash, Permissions};

/// Somebody who may log in.
///
/// ```
/// use bergen_broker::{PasswordHash, Permissions, User};
///
/// let user = User::new("nova", PasswordHash::new("s3cret"))
///     .permit("/", Permissions::new("^nova", "^nova", ".*")?);
/// assert!(user.may_enter("/") && !user.may_enter("other"));
/// # Ok::<(), bergen_broker::PatternError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    name: Arc<str>,
    password: Option<PasswordHash>,
    tags: BTreeSet<String>,
    /// What holds where nothing else is said.
    everywhere: Option<Arc<Permissions>>,
    permissions: BTreeMap<String, Arc<Permissions>>,
}

impl User {
    /// A user with a password, without tags, who may enter no virtual host yet.
    pub fn new(name: &str, password: PasswordHash) -> Self {
        Self {
            password: Some(password),
            ..Self::without_password(name)
        }
    }

    /// A user who can only log in by a client certificate (`EXTERNAL`).
    pub fn without_password(name: &str) -> Self {
        Self {
            name: name.into(),
            password: None,
            tags: BTreeSet::new(),
            everywhere: None,
            permissions: BTreeMap::new(),
        }
    }

    /// Adds a tag: `administrator`, `monitoring`, `policymaker` and `management` open the management API;
    /// `impersonator` lets the user publish with another's `user_id`. Others mean nothing, as in RabbitMQ.
    #[must_use]
    pub fn tag(mut self, tag: &str) -> Self {
        self.tags.insert(tag.to_owned());
        self
    }

    /// What the user may do in one virtual host.
    #[must_use]
    pub fn permit(mut self, virtual_host: &str, permissions: Permissions) -> Self {
        self.set_permissions(virtual_host, permissions);
        self
    }

    /// Everything in every virtual host, those that come later included; and the tag `administrator`.
    #[must_use]
    pub fn full_access(mut self) -> Self {
        self.everywhere = Some(Arc::new(Permissions::full()));
        self.tag("administrator")
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The hash of the password, if there is one.
    pub fn password(&self) -> Option<&PasswordHash> {
        self.password.as_ref()
    }

    /// The tags in alphabetical order.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.tags.iter().map(String::as_str)
    }

    /// Whether the user has this tag.
    pub fn has_tag(&self, tag: &str) -> bool {
        self.tags.contains(tag)
    }

    /// Whether the user may open this virtual host at all.
    pub fn may_enter(&self, virtual_host: &str) -> bool {
        self.permissions_in(virtual_host).is_some()
    }

    /// The permissions of virtual hosts that are named, which does not include those of
    /// [`full_access`](Self::full_access).
    pub fn permissions(&self) -> impl Iterator<Item = (&str, &Permissions)> {
        let rows = self.permissions.iter();
        rows.map(|(virtual_host, permissions)| (virtual_host.as_str(), &**permissions))
    }

    /// What the user may do there; `None` if not even enter.
    pub fn permissions_in(&self, virtual_host: &str) -> Option<&Arc<Permissions>> {
        self.permissions
            .get(virtual_host)
            .or(self.everywhere.as_ref())
    }

    pub(super) fn shared_name(&self) -> &Arc<str> {
        &self.name
    }

    pub(super) fn set_permissions(&mut self, virtual_host: &str, permissions: Permissions) {
        self.permissions
            .insert(virtual_host.to_owned(), Arc::new(permissions));
    }

    pub(super) fn clear_permissions(&mut self, virtual_host: &str) {
        self.permissions.remove(virtual_host);
    }
}
