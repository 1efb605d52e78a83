//! What is declared, as one document: RabbitMQ's definitions.

use std::sync::Arc;

use serde_json::{Value, json};

use super::api::{Api, Call};
use super::json;
use super::overview::{PRODUCT, RABBITMQ_VERSION};
use super::reply::{Refused, Reply};
use super::users::{all_permissions, show_user};
use crate::core::VirtualHost;
use crate::server::State;

/// The parts of a document that virtual hosts have.
const PARTS: [&str; 3] = ["queues", "exchanges", "bindings"];

impl Api {
    /// All of the broker's, or those of one virtual host without its name in them.
    pub(super) async fn definitions(
        &self,
        vhost: Option<&str>,
        _call: &Call,
    ) -> Result<Reply, Refused> {
        let only = vhost.map(str::to_owned);
        let document = self
            .ask(move |state| export(state, only.as_deref()))
            .await?;
        let document = document.ok_or_else(|| Refused::bad_request("vhost_not_found"))?;
        Ok(Reply::Json(document))
    }
}

fn export(state: &State, only: Option<&str>) -> Option<Value> {
    let mut vhosts: Vec<&Arc<str>> = state.virtual_hosts().collect();
    vhosts.sort();
    let mut document = json!({
        "rabbit_version": RABBITMQ_VERSION,
        "parameters": [],
        "policies": [],
    });
    if let Some(only) = only {
        state.host(only)?;
        vhosts.retain(|name| &***name == only);
    } else {
        json::put(&mut document, "rabbitmq_version", RABBITMQ_VERSION.into());
        json::put(&mut document, "product_name", PRODUCT.into());
        json::put(
            &mut document,
            "product_version",
            env!("CARGO_PKG_VERSION").into(),
        );
        json::put(
            &mut document,
            "users",
            state.access().users().map(|user| show_user(user)).collect(),
        );
        json::put(
            &mut document,
            "vhosts",
            vhosts
                .iter()
                .map(|name| json!({"name": &***name}))
                .collect(),
        );
        json::put(
            &mut document,
            "permissions",
            all_permissions(state, None, None).into(),
        );
        json::put(&mut document, "topic_permissions", json!([]));
        json::put(&mut document, "global_parameters", json!([]));
    }
    let mut parts = PARTS.map(|_| Vec::new());
    for name in vhosts {
        if let Some(host) = state.host(name) {
            let vhost = only.is_none().then_some(&**name);
            for (all, more) in parts.iter_mut().zip(content(host)) {
                all.extend(more.into_iter().map(|item| in_host(item, vhost)));
            }
        }
    }
    for (part, items) in PARTS.into_iter().zip(parts) {
        json::put(&mut document, part, items.into());
    }
    Some(document)
}

/// Queues, exchanges and bindings; without what every virtual host has and what goes with its connection.
fn content(host: &VirtualHost) -> [Vec<Value>; 3] {
    let queues = host
        .queues()
        .filter(|queue| queue.owner.is_none())
        .map(|queue| {
            json!({
                "name": &**queue.name,
                "durable": queue.durable,
                "auto_delete": queue.auto_delete,
                "arguments": json::from_table(queue.arguments),
            })
        });
    let made = |name: &str| !name.is_empty() && !name.starts_with("amq.");
    let exchanges = host
        .exchanges()
        .filter(|exchange| made(exchange.name))
        .map(|exchange| {
            json!({
                "name": &**exchange.name,
                "type": exchange.kind.name(),
                "durable": exchange.durable,
                "auto_delete": exchange.auto_delete,
                "internal": exchange.internal,
                "arguments": json::from_table(exchange.arguments),
            })
        });
    let stays = |queue: &str| host.queue(queue).is_some_and(|queue| queue.owner.is_none());
    let bindings = host
        .bindings()
        .filter(|binding| binding.to_exchange || stays(binding.destination))
        .map(|binding| {
            json!({
                "source": &**binding.source,
                "destination": &**binding.destination,
                "destination_type": if binding.to_exchange { "exchange" } else { "queue" },
                "routing_key": &**binding.routing_key,
                "arguments": json::from_table(binding.arguments),
            })
        });
    [queues.collect(), exchanges.collect(), bindings.collect()]
}

fn in_host(item: Value, vhost: Option<&str>) -> Value {
    match (item, vhost) {
        (Value::Object(mut item), Some(vhost)) => {
            item.insert("vhost".to_owned(), vhost.into());
            Value::Object(item)
        }
        (item, _) => item,
    }
}
