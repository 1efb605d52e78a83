//! Request contexts: who asks, and on whose behalf, as OpenStack's services tell each other.
//!
//! [`RequestContext`] gives names and types to the keys of a [`Context`](bergen_messaging::wire::Context); nova and
//! neutron add keys of their own.

mod current;
mod extension;
mod id;
mod read;
mod redact;
mod span;
mod timestamp;
mod write;

use std::collections::BTreeMap;

use bergen_messaging::wire::RawJson;

pub use extension::{Extension, NeutronContext, NovaContext, ReadDeleted};
pub use id::new_request_id;
pub use span::WithRequestSpan;

/// Who asks, and on whose behalf. Mirrors oslo.context's `RequestContext` and those of nova and neutron.
///
/// `Debug` shows no token, no catalogue and no values of keys that it does not know.
///
/// ```
/// use bergen_openstack::context::RequestContext;
///
/// let admin = RequestContext::admin_nova();
/// let sent = admin.to_wire();
/// assert_eq!(sent.get::<bool>("is_admin")?, Some(true));
/// assert_eq!(RequestContext::from_wire(&sent), admin);
/// # Ok::<(), bergen_messaging::wire::JsonError>(())
/// ```
#[derive(Clone, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a key of its own on the wire"
)]
pub struct RequestContext {
    /// The user's id.
    pub user_id: Option<String>,
    /// The project's id.
    pub project_id: Option<String>,
    /// The id of the domain that the token is scoped to.
    pub domain_id: Option<String>,
    /// The id of the user's domain.
    pub user_domain_id: Option<String>,
    /// The id of the project's domain.
    pub project_domain_id: Option<String>,
    /// `all` for a token of the whole system.
    pub system_scope: Option<String>,
    /// Whether everything is allowed.
    pub is_admin: bool,
    /// Whether the project is the one whose members administer the cloud; true unless Keystone says otherwise.
    pub is_admin_project: bool,
    /// Whether nothing may be changed.
    pub read_only: bool,
    /// Whether deleted things are shown.
    pub show_deleted: bool,
    /// The user's token: a secret.
    pub auth_token: Option<String>,
    /// Of this request, in every log line about it.
    pub request_id: String,
    /// Of the request of another service that this one is a part of.
    pub global_request_id: Option<String>,
    /// The UUID of what the request is about.
    pub resource_uuid: Option<String>,
    /// The user's roles.
    pub roles: Vec<String>,
    /// The user's name.
    pub user_name: Option<String>,
    /// The project's name.
    pub project_name: Option<String>,
    /// The name of the domain that the token is scoped to.
    pub domain_name: Option<String>,
    /// The name of the user's domain.
    pub user_domain_name: Option<String>,
    /// The name of the project's domain.
    pub project_domain_name: Option<String>,
    /// What the project's own context adds.
    pub extension: Extension,
    /// Keys that this type does not know, to be passed on: `trace_info`, and those of older or newer services.
    pub rest: BTreeMap<String, RawJson>,
}

impl RequestContext {
    /// A context of nobody, with a new request id.
    pub fn new() -> Self {
        Self {
            user_id: None,
            project_id: None,
            domain_id: None,
            user_domain_id: None,
            project_domain_id: None,
            system_scope: None,
            is_admin: false,
            is_admin_project: true,
            read_only: false,
            show_deleted: false,
            auth_token: None,
            request_id: new_request_id(),
            global_request_id: None,
            resource_uuid: None,
            roles: Vec::new(),
            user_name: None,
            project_name: None,
            domain_name: None,
            user_domain_name: None,
            project_domain_name: None,
            extension: Extension::None,
            rest: BTreeMap::new(),
        }
    }

    /// The context of a nova service's own work: an administrator without roles. Make one for each piece of work, so
    /// that each has its own request id.
    pub fn admin_nova() -> Self {
        Self {
            is_admin: true,
            extension: Extension::Nova(NovaContext::default()),
            ..Self::new()
        }
    }

    /// The context of a neutron agent's own work: an administrator with the roles `admin`, `member` and `reader`. Make
    /// one for each call, so that each has its own request id.
    pub fn admin_neutron() -> Self {
        Self {
            is_admin: true,
            roles: NEUTRON_ADMIN_ROLES.map(ToOwned::to_owned).to_vec(),
            extension: Extension::Neutron(NeutronContext {
                has_global_access: Some(true),
                can_set_project_id: Some(true),
                ..NeutronContext::default()
            }),
            ..Self::new()
        }
    }

    /// A copy that may do everything: `is_admin`, with the role `admin`, in neutron also `member` and `reader`.
    #[must_use]
    pub fn elevated(&self) -> Self {
        let mut elevated = self.clone();
        elevated.is_admin = true;
        let roles = match &mut elevated.extension {
            Extension::Neutron(neutron) => {
                neutron.has_global_access = neutron.has_global_access.map(|_| true);
                neutron.can_set_project_id = neutron.can_set_project_id.map(|_| true);
                NEUTRON_ADMIN_ROLES.as_slice()
            }
            _ => &["admin"],
        };
        for role in roles {
            if !elevated.roles.iter().any(|known| known == role) {
                elevated.roles.push((*role).to_owned());
            }
        }
        elevated
    }

    /// Which rows nova reads. Nothing happens to a context that is not nova's.
    #[must_use]
    pub fn with_read_deleted(mut self, read_deleted: ReadDeleted) -> Self {
        if let Extension::Nova(nova) = &mut self.extension {
            nova.read_deleted = read_deleted;
        }
        self
    }

    /// The global request id to pass on: the one that came, or else this request's own.
    pub fn global_id(&self) -> &str {
        self.global_request_id
            .as_deref()
            .unwrap_or(&self.request_id)
    }

    /// User, project and domains for log lines: `user project domain user_domain project_domain`, `-` for none.
    pub fn user_identity(&self) -> String {
        let parts = [
            &self.user_id,
            &self.project_id,
            &self.domain_id,
            &self.user_domain_id,
            &self.project_domain_id,
        ];
        parts.map(|part| part.as_deref().unwrap_or("-")).join(" ")
    }
}

impl Default for RequestContext {
    fn default() -> Self {
        Self::new()
    }
}

/// The roles that neutron's administrators have.
const NEUTRON_ADMIN_ROLES: [&str; 3] = ["admin", "member", "reader"];

#[cfg(test)]
mod tests;
