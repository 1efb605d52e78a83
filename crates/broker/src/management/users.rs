//! Users and their permissions. What is changed here holds until the broker ends: the file of users is not written.

use std::sync::Arc;

use serde_json::{Value, json};

use super::api::{Api, Call};
use super::fields::{Fields, check_length};
use super::list;
use super::reply::{Refused, Reply};
use crate::server::State;
use crate::server::access::{PasswordHash, Permissions, User};

impl Api {
    pub(super) async fn users(&self, only_strangers: bool, call: &Call) -> Result<Reply, Refused> {
        let users = self
            .ask(move |state| {
                let users = state.access().users();
                let strange =
                    |user: &User| !state.virtual_hosts().any(|vhost| user.may_enter(vhost));
                users
                    .filter(|user| !only_strangers || strange(user))
                    .cloned()
                    .collect::<Vec<_>>()
            })
            .await?;
        let shown = users.iter().map(|user| show_user(user)).collect();
        Ok(Reply::Json(list::list(
            shown,
            &call.query,
            self.settings.max_items,
        )?))
    }

    pub(super) async fn user(&self, name: &str, call: &Call) -> Result<Reply, Refused> {
        let name = name.to_owned();
        let user = self
            .ask(move |state| state.access().user(&name).cloned())
            .await?;
        let shown = show_user(&*user.ok_or_else(Refused::not_found)?);
        Ok(Reply::Json(list::columns(shown, &call.query)))
    }

    pub(super) async fn put_user(&self, name: &str, call: &Call) -> Result<Reply, Refused> {
        let wanted = NewUser::of(name, &call.fields)?;
        let existed = self.ask(move |state| wanted.put(state)).await?;
        Ok(Reply::declared(existed))
    }

    /// The user's connections are closed.
    pub(super) async fn delete_user(&self, name: &str) -> Result<Reply, Refused> {
        let name = name.to_owned();
        let removed = self
            .ask(move |state| {
                let removed = state.access_mut().remove_user(&name);
                if removed {
                    let reason = format!("user '{name}' is deleted");
                    for info in state.connections() {
                        if info.user.is_some_and(|user| user.name() == name) {
                            state.close_connection(&info.name, &reason);
                        }
                    }
                }
                removed
            })
            .await?;
        if removed {
            Ok(Reply::Done)
        } else {
            Err(Refused::not_found())
        }
    }

    /// Of one virtual host, of one user, or all.
    pub(super) async fn permissions_of(
        &self,
        vhost: Option<&str>,
        user: Option<&str>,
        call: &Call,
    ) -> Result<Reply, Refused> {
        let (vhost, user) = (vhost.map(str::to_owned), user.map(str::to_owned));
        let found = self
            .ask(move |state| {
                let known = vhost
                    .as_deref()
                    .is_none_or(|vhost| state.host(vhost).is_some())
                    && user
                        .as_deref()
                        .is_none_or(|user| state.access().user(user).is_some());
                known.then(|| all_permissions(state, vhost.as_deref(), user.as_deref()))
            })
            .await?
            .ok_or_else(Refused::not_found)?;
        Ok(Reply::Json(list::list(
            found,
            &call.query,
            self.settings.max_items,
        )?))
    }

    pub(super) async fn permission(
        &self,
        vhost: &str,
        user: &str,
        call: &Call,
    ) -> Result<Reply, Refused> {
        let (vhost, user) = (vhost.to_owned(), user.to_owned());
        let found = self.ask(move |state| all_permissions(state, Some(&vhost), Some(&user)).pop());
        let found = found.await?.ok_or_else(Refused::not_found)?;
        Ok(Reply::Json(list::columns(found, &call.query)))
    }

    pub(super) async fn put_permission(
        &self,
        vhost: &str,
        user: &str,
        call: &Call,
    ) -> Result<Reply, Refused> {
        let permissions = permissions_of(&call.fields)?;
        let (vhost, user) = (vhost.to_owned(), user.to_owned());
        let existed = self
            .ask(move |state| put_permissions(state, &vhost, &user, permissions))
            .await?
            .ok_or_else(|| Refused::bad_request("vhost_or_user_not_found"))?;
        Ok(Reply::declared(existed))
    }

    pub(super) async fn delete_permission(
        &self,
        vhost: &str,
        user: &str,
    ) -> Result<Reply, Refused> {
        let (vhost, user) = (vhost.to_owned(), user.to_owned());
        let removed = self
            .ask(move |state| {
                state.host(&vhost)?;
                state
                    .access_mut()
                    .set_permissions(&user, &vhost, None)
                    .then_some(())
            })
            .await?;
        removed.map(|()| Reply::Done).ok_or_else(Refused::not_found)
    }
}

/// Who is to be there.
pub(super) struct NewUser {
    name: String,
    /// `None`: nobody can log in by password.
    password: Option<PasswordHash>,
    tags: Vec<String>,
}

impl NewUser {
    pub(super) fn of(name: &str, fields: &Fields) -> Result<Self, Refused> {
        check_length("the name", name)?;
        if name.is_empty() {
            return Err(Refused::bad_request("a user needs a name"));
        }
        let password = match (fields.text("password")?, fields.text("password_hash")?) {
            (Some(""), _) | (None, Some("") | None) => None,
            (Some(password), _) => Some(PasswordHash::new(password)),
            (None, Some(hash)) => Some(
                PasswordHash::parse(hash)
                    .map_err(|error| Refused::bad_request(error.to_string()))?,
            ),
        };
        Ok(Self {
            name: name.to_owned(),
            password,
            tags: tags_of(fields)?,
        })
    }

    /// Whether there was one of this name. Permissions stay.
    pub(super) fn put(self, state: &mut State) -> bool {
        let before = state.access().user(&self.name).cloned();
        let mut user = match self.password {
            Some(password) => User::new(&self.name, password),
            None => User::without_password(&self.name),
        };
        for tag in &self.tags {
            user = user.tag(tag);
        }
        if let Some(before) = &before {
            for vhost in state.virtual_hosts() {
                if let Some(permissions) = before.permissions_in(vhost) {
                    user = user.permit(vhost, Permissions::clone(permissions));
                }
            }
        }
        state.access_mut().put_user(user);
        before.is_some()
    }
}

/// A list, or a text with commas.
fn tags_of(fields: &Fields) -> Result<Vec<String>, Refused> {
    let tags: Vec<String> = match fields.get("tags") {
        None => return Err(Refused::bad_request("tags_not_present")),
        Some(Value::String(text)) => text.split(',').map(|tag| tag.trim().to_owned()).collect(),
        Some(Value::Array(tags)) => {
            let texts = tags.iter().map(|tag| tag.as_str().map(str::to_owned));
            texts
                .collect::<Option<_>>()
                .ok_or_else(|| Refused::bad_request("tags are texts"))?
        }
        Some(_) => return Err(Refused::bad_request("tags are a list or a text")),
    };
    Ok(tags.into_iter().filter(|tag| !tag.is_empty()).collect())
}

pub(super) fn permissions_of(fields: &Fields) -> Result<Permissions, Refused> {
    fields.require(&["configure", "write", "read"])?;
    let pattern = |name| Ok::<_, Refused>(fields.text(name)?.unwrap_or_default());
    Permissions::new(pattern("configure")?, pattern("write")?, pattern("read")?)
        .map_err(|error| Refused::bad_request(error.to_string()))
}

/// Whether the user had any there before; `None` if user or virtual host is unknown.
pub(super) fn put_permissions(
    state: &mut State,
    vhost: &str,
    user: &str,
    permissions: Permissions,
) -> Option<bool> {
    state.host(vhost)?;
    let existed = state.access().user(user)?.may_enter(vhost);
    state
        .access_mut()
        .set_permissions(user, vhost, Some(permissions));
    Some(existed)
}

/// What those users may do in those virtual hosts, as replies show it.
pub(super) fn all_permissions(
    state: &State,
    vhost: Option<&str>,
    user: Option<&str>,
) -> Vec<Value> {
    let mut vhosts: Vec<&Arc<str>> = state.virtual_hosts().collect();
    vhosts.retain(|name| vhost.is_none_or(|vhost| vhost == &***name));
    vhosts.sort();
    let mut found = Vec::new();
    for one in state
        .access()
        .users()
        .filter(|one| user.is_none_or(|user| user == one.name()))
    {
        for vhost in &vhosts {
            if let Some(permissions) = one.permissions_in(vhost) {
                found.push(json!({
                    "user": one.name(),
                    "vhost": &***vhost,
                    "configure": permissions.configure(),
                    "write": permissions.write(),
                    "read": permissions.read(),
                }));
            }
        }
    }
    found
}

pub(super) fn show_user(user: &User) -> Value {
    let tags: Vec<&str> = user.tags().collect();
    json!({
        "name": user.name(),
        "tags": tags,
        "limits": {},
        // No password leaves the broker, nor anything to guess one by.
        "password_hash": "",
        "hashing_algorithm": "rabbit_password_hashing_sha256",
    })
}
