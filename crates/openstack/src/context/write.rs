//! A context on its way out.

use bergen_messaging::wire::{Context, RawJson};
use serde::Serialize;

use super::{Extension, RequestContext, timestamp};

impl RequestContext {
    /// The context as it travels: every key that the project's own services send, then those that are passed on.
    pub fn to_wire(&self) -> Context {
        let mut keys = Keys(Context::default());
        keys.set("user", &self.user_id);
        keys.set("project_id", &self.project_id);
        keys.set("system_scope", &self.system_scope);
        keys.set("project", &self.project_id);
        keys.set("domain", &self.domain_id);
        keys.set("user_domain", &self.user_domain_id);
        keys.set("project_domain", &self.project_domain_id);
        keys.set("is_admin", &self.is_admin);
        keys.set("read_only", &self.read_only);
        keys.set("show_deleted", &self.show_deleted);
        keys.set("auth_token", &self.auth_token);
        keys.set("request_id", &self.request_id);
        keys.set("global_request_id", &self.global_request_id);
        keys.set("resource_uuid", &self.resource_uuid);
        keys.set("roles", &self.roles);
        keys.set("user_identity", &self.user_identity());
        keys.set("is_admin_project", &self.is_admin_project);
        self.write_extension(&mut keys);
        keys.set_some("domain_name", self.domain_name.as_ref());
        keys.set_some("user_domain_name", self.user_domain_name.as_ref());
        keys.set_some("project_domain_name", self.project_domain_name.as_ref());
        let Keys(mut context) = keys;
        for (key, value) in &self.rest {
            if context.raw(key).is_none() {
                context.insert_raw(key.clone(), value.clone());
            }
        }
        context
    }

    fn write_extension(&self, keys: &mut Keys) {
        match &self.extension {
            Extension::None => {
                keys.set_some("user_name", self.user_name.as_ref());
                keys.set_some("project_name", self.project_name.as_ref());
                return;
            }
            Extension::Nova(nova) => {
                keys.set("read_deleted", &nova.read_deleted);
                keys.set("remote_address", &nova.remote_address);
                keys.set("timestamp", &timestamp::nova(nova.timestamp));
                keys.set("quota_class", &nova.quota_class);
                keys.set("service_catalog", &nova.service_catalog);
            }
            Extension::Neutron(neutron) => {
                keys.set("timestamp", &neutron.timestamp);
                keys.set_some("has_global_access", neutron.has_global_access.as_ref());
                keys.set_some("can_set_project_id", neutron.can_set_project_id.as_ref());
            }
        }
        keys.set("user_id", &self.user_id);
        keys.set("user_name", &self.user_name);
        keys.set("project_name", &self.project_name);
    }
}

struct Keys(Context);

impl Keys {
    /// Texts, booleans and lists of them always have a JSON form.
    fn set<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) {
        if let Ok(value) = RawJson::encode(value) {
            self.0.insert_raw(key, value);
        }
    }

    fn set_some<T: Serialize>(&mut self, key: &'static str, value: Option<&T>) {
        if let Some(value) = value {
            self.set(key, value);
        }
    }
}
