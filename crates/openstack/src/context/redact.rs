//! Contexts without secrets, for logs and notifications.

use std::fmt;

use super::{Extension, NovaContext, RequestContext};

impl RequestContext {
    /// A copy without the token, the catalogue and unknown keys that look like secrets: what notifications carry.
    #[must_use]
    pub fn without_secrets(&self) -> Self {
        let mut redacted = self.clone();
        redacted.auth_token = None;
        redacted.rest.retain(|key, _| !is_secret(key));
        if let Extension::Nova(nova) = &mut redacted.extension {
            nova.service_catalog.clear();
        }
        redacted
    }
}

impl fmt::Debug for RequestContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestContext")
            .field("request_id", &self.request_id)
            .field("global_request_id", &self.global_request_id)
            .field("user_identity", &self.user_identity())
            .field("system_scope", &self.system_scope)
            .field("is_admin", &self.is_admin)
            .field("roles", &self.roles)
            .field("auth_token", &self.auth_token.as_ref().map(|_| "***"))
            .field("extension", &self.extension)
            .field("rest", &self.rest.keys())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for NovaContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NovaContext")
            .field("read_deleted", &self.read_deleted)
            .field("remote_address", &self.remote_address)
            .field("timestamp", &self.timestamp)
            .finish_non_exhaustive()
    }
}

fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    [
        "token",
        "password",
        "secret",
        "hmac",
        "trace_info",
        "catalog",
    ]
    .iter()
    .any(|word| key.contains(word))
}
