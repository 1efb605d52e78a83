//! Definitions read back in.

use serde_json::Value;

use super::act::Act;
use super::api::{Api, Call};
use super::bindings::NewBinding;
use super::exchanges::NewExchange;
use super::fields::{Fields, check_length};
use super::queues::NewQueue;
use super::reply::{Refused, Reply};
use super::users::{NewUser, permissions_of, put_permissions};
use crate::core::{HostSettings, Refusal};
use crate::server::access::Permissions;

/// A definition that belongs to a virtual host.
enum Definition {
    Exchange(NewExchange),
    Queue(NewQueue),
    Binding(NewBinding),
}

impl Api {
    /// Makes what is missing. What is there already must be the same. All of the document is read before any of it is
    /// carried out; what is refused later ends the import, and what came before stays, as with RabbitMQ.
    pub(super) async fn import(&self, vhost: Option<&str>, call: &Call) -> Result<Reply, Refused> {
        let fields = &call.fields;
        let definitions = read(fields, vhost)?;
        match vhost {
            None => self.import_access(fields, call).await?,
            Some(vhost) => {
                let name = vhost.to_owned();
                if !self.ask(move |state| state.host(&name).is_some()).await? {
                    return Err(Refused::bad_request("vhost_not_found"));
                }
            }
        }
        // One at a time, so that others are served in between.
        for (vhost, definition) in definitions {
            self.act(call, &vhost, move |act| definition.make(act))
                .await?
                .map_err(|refusal| Refused::change(&refusal))?;
        }
        Ok(Reply::Done)
    }

    /// Users, virtual hosts, permissions.
    async fn import_access(&self, fields: &Fields, call: &Call) -> Result<(), Refused> {
        let mut users = Vec::new();
        for user in fields.list("users")? {
            let name = required(&user, "name")?;
            // Our own exports hold no hashes: whoever is there stays as it is.
            let has_password = [user.text("password")?, user.text("password_hash")?];
            let keeps = !has_password.iter().flatten().any(|text| !text.is_empty());
            users.push((name.clone(), keeps, NewUser::of(&name, &user)?));
        }
        let mut vhosts = Vec::new();
        for vhost in fields.list("vhosts")? {
            let name = required(&vhost, "name")?;
            check_length("the name", &name)?;
            vhosts.push(name);
        }
        let mut permissions = Vec::new();
        for permission in fields.list("permissions")? {
            let (user, vhost) = (
                required(&permission, "user")?,
                required(&permission, "vhost")?,
            );
            permissions.push((user, vhost, permissions_of(&permission)?));
        }
        let me = call.user.name().to_owned();
        let missing = self
            .ask(move |state| {
                for (name, keeps, user) in users {
                    if !(keeps && state.access().user(&name).is_some()) {
                        user.put(state);
                    }
                }
                for vhost in vhosts {
                    let settings = HostSettings {
                        name: vhost.as_str().into(),
                        ..HostSettings::default()
                    };
                    let enters = state
                        .access()
                        .user(&me)
                        .is_some_and(|me| me.may_enter(&vhost));
                    if state.create_host(settings) && !enters {
                        state
                            .access_mut()
                            .set_permissions(&me, &vhost, Some(Permissions::full()));
                    }
                }
                permissions
                    .into_iter()
                    .find_map(|(user, vhost, permissions)| {
                        put_permissions(state, &vhost, &user, permissions)
                            .is_none()
                            .then_some(user)
                    })
            })
            .await?;
        match missing {
            None => Ok(()),
            Some(_) => Err(Refused::bad_request("vhost_or_user_not_found")),
        }
    }
}

/// Exchanges and queues come before what binds them.
fn read(fields: &Fields, vhost: Option<&str>) -> Result<Vec<(String, Definition)>, Refused> {
    let mut found = Vec::new();
    let host = |item: &Fields| match vhost {
        Some(vhost) => Ok(vhost.to_owned()),
        None => required(item, "vhost"),
    };
    for item in fields.list("exchanges")? {
        let exchange = NewExchange {
            name: required(&item, "name")?,
            kind: required(&item, "type")?,
            durable: item.flag("durable")?,
            auto_delete: item.flag("auto_delete")?,
            internal: item.flag("internal")?,
            arguments: item.arguments()?,
        };
        found.push((host(&item)?, Definition::Exchange(exchange)));
    }
    for item in fields.list("queues")? {
        let queue = NewQueue {
            name: required(&item, "name")?,
            durable: item.flag("durable")?,
            auto_delete: item.flag("auto_delete")?,
            arguments: item.arguments()?,
        };
        found.push((host(&item)?, Definition::Queue(queue)));
    }
    for item in fields.list("bindings")? {
        let binding = NewBinding {
            source: required(&item, "source")?,
            destination: required(&item, "destination")?,
            to_queue: match required(&item, "destination_type")?.as_str() {
                "queue" => true,
                "exchange" => false,
                other => return Err(Refused::bad_request(Value::from(vec!["unknown", other]))),
            },
            routing_key: item
                .short_text("routing_key")?
                .unwrap_or_default()
                .to_owned(),
            arguments: item.arguments()?,
        };
        found.push((host(&item)?, Definition::Binding(binding)));
    }
    Ok(found)
}

fn required(fields: &Fields, name: &str) -> Result<String, Refused> {
    let text = fields.short_text(name)?;
    let text = text.ok_or_else(|| Refused::bad_request(format!("[{{key_missing,{name}}}]")))?;
    Ok(text.to_owned())
}

impl Definition {
    fn make(&self, act: &mut Act<'_>) -> Result<(), Refusal> {
        match self {
            Self::Exchange(exchange) => {
                let exists = act.has_exchange(&exchange.name);
                act.rights
                    .declare_exchange(&exchange.name, &exchange.arguments, exists)?;
                act.host.declare_exchange(&exchange.command())
            }
            Self::Queue(queue) => {
                let exists = act.has_queue(&queue.name);
                act.rights
                    .declare_queue(&queue.name, &queue.arguments, exists)?;
                act.host
                    .declare_queue(act.connection, &queue.command(), act.now)
                    .map(drop)
            }
            Self::Binding(binding) => binding.bind(act),
        }
    }
}
