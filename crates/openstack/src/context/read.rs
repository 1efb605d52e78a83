//! A context that came in.

use std::collections::BTreeMap;

use bergen_messaging::wire::{Context, RawJson};
use serde::Deserialize;

use super::{Extension, NeutronContext, NovaContext, RequestContext};

impl RequestContext {
    /// Reads a context. It takes whatever comes: what is absent, or of another type, has its default, and unknown keys
    /// are kept in [`rest`](Self::rest). It is nova's if it says what deleted rows it reads, neutron's if it has a
    /// `timestamp` otherwise.
    pub fn from_wire(context: &Context) -> Self {
        let keys = Keys(context);
        let extension = keys.extension();
        let user = match extension {
            // nova does not look at the other key.
            Extension::Nova(_) => keys.text("user_id"),
            _ if context.raw("user_id").is_some() => keys.text("user_id"),
            _ => keys.text("user"),
        };
        let new = Self::new();
        Self {
            user_id: user,
            // `tenant` is what was sent before 2021.
            project_id: keys.text("project_id").or_else(|| keys.text("tenant")),
            domain_id: keys.text("domain"),
            user_domain_id: keys.text("user_domain"),
            project_domain_id: keys.text("project_domain"),
            system_scope: keys.text("system_scope"),
            is_admin: keys.get("is_admin").unwrap_or(new.is_admin),
            is_admin_project: keys.get("is_admin_project").unwrap_or(new.is_admin_project),
            read_only: keys.get("read_only").unwrap_or(new.read_only),
            show_deleted: keys.get("show_deleted").unwrap_or(new.show_deleted),
            auth_token: keys.text("auth_token"),
            request_id: keys.text("request_id").unwrap_or(new.request_id),
            global_request_id: keys.text("global_request_id"),
            resource_uuid: keys.text("resource_uuid"),
            roles: keys.get("roles").unwrap_or_default(),
            user_name: keys.text("user_name"),
            project_name: keys.text("project_name"),
            domain_name: keys.text("domain_name"),
            user_domain_name: keys.text("user_domain_name"),
            project_domain_name: keys.text("project_domain_name"),
            rest: keys.rest(&extension),
            extension,
        }
    }
}

struct Keys<'a>(&'a Context);

impl<'a> Keys<'a> {
    fn get<T: Deserialize<'a>>(&self, key: &str) -> Option<T> {
        self.0.get(key).ok().flatten()
    }

    fn text(&self, key: &str) -> Option<String> {
        self.get::<Option<String>>(key).flatten()
    }

    fn extension(&self) -> Extension {
        if self.0.raw("read_deleted").is_some() {
            let new = NovaContext::default();
            let catalog: Vec<RawJson> = self.get("service_catalog").unwrap_or_default();
            Extension::Nova(NovaContext {
                read_deleted: self.get("read_deleted").unwrap_or_default(),
                remote_address: self.text("remote_address"),
                timestamp: self.get("timestamp").unwrap_or(new.timestamp),
                quota_class: self.text("quota_class"),
                service_catalog: catalog.into_iter().filter(is_needed).collect(),
            })
        } else if self.0.raw("timestamp").is_some() {
            let new = NeutronContext::default();
            Extension::Neutron(NeutronContext {
                timestamp: self.text("timestamp").unwrap_or(new.timestamp),
                has_global_access: self.get("has_global_access"),
                can_set_project_id: self.get("can_set_project_id"),
            })
        } else {
            Extension::None
        }
    }

    fn rest(&self, extension: &Extension) -> BTreeMap<String, RawJson> {
        let extended = match extension {
            Extension::None => &[][..],
            Extension::Nova(_) => &NOVA,
            Extension::Neutron(_) => &NEUTRON,
        };
        let unknown = self.0.iter().filter(|(key, _)| {
            // It is how the server tells of the message's timeout, and no part of the context.
            *key != "client_timeout" && !BASE.contains(key) && !extended.contains(key)
        });
        unknown
            .map(|(key, value)| (key.to_owned(), value.clone()))
            .collect()
    }
}

/// Whether nova keeps this entry of a catalogue.
fn is_needed(entry: &RawJson) -> bool {
    let kind = entry.member("type").and_then(|kind| kind.as_text());
    kind.is_some_and(|kind| CATALOG.contains(&kind.as_str()))
}

const BASE: [&str; 23] = [
    "user",
    "user_id",
    "project_id",
    "project",
    "domain",
    "user_domain",
    "project_domain",
    "system_scope",
    "is_admin",
    "is_admin_project",
    "read_only",
    "show_deleted",
    "auth_token",
    "request_id",
    "global_request_id",
    "resource_uuid",
    "roles",
    "user_identity",
    "user_name",
    "project_name",
    "domain_name",
    "user_domain_name",
    "project_domain_name",
];

const NOVA: [&str; 5] = [
    "read_deleted",
    "remote_address",
    "timestamp",
    "quota_class",
    "service_catalog",
];

const NEUTRON: [&str; 3] = ["timestamp", "has_global_access", "can_set_project_id"];

/// The services whose entries nova keeps.
const CATALOG: [&str; 8] = [
    "image",
    "block-storage",
    "volumev3",
    "key-manager",
    "placement",
    "network",
    "accelerator",
    "sharev2",
];
