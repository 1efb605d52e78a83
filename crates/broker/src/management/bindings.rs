//! Bindings: list, look, bind, unbind.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bergen_amqp::codec::FieldTable;
use serde_json::{Value, json};

use super::act::{Act, visible};
use super::api::{Api, Call};
use super::fields::check_length;
use super::query::escape;
use super::reply::{Refused, Reply};
use super::route::{End, Ends};
use super::{json, list};
use crate::core::{self, BindingInfo, Refusal, VirtualHost};

/// A copy of what the broker knows of a binding.
struct Binding {
    vhost: Arc<str>,
    source: Arc<str>,
    destination: Arc<str>,
    to_queue: bool,
    routing_key: Arc<str>,
    arguments: FieldTable<'static>,
}

/// Which bindings are wanted.
#[derive(Default)]
struct Filter {
    source: Option<String>,
    destination: Option<String>,
    to_queue: Option<bool>,
}

impl Api {
    pub(super) async fn bindings(
        &self,
        vhost: Option<&str>,
        call: &Call,
    ) -> Result<Reply, Refused> {
        let found = self.find(vhost, Filter::default(), call).await?;
        self.show_bindings(&found, call)
    }

    pub(super) async fn bindings_between(
        &self,
        ends: Ends<'_>,
        call: &Call,
    ) -> Result<Reply, Refused> {
        let found = self
            .find(Some(ends.vhost), Filter::between(ends), call)
            .await?;
        self.show_bindings(&found, call)
    }

    pub(super) async fn binding(
        &self,
        ends: Ends<'_>,
        key: &str,
        call: &Call,
    ) -> Result<Reply, Refused> {
        let found = self
            .find(Some(ends.vhost), Filter::between(ends), call)
            .await?;
        let found = found.iter().find(|binding| binding.properties_key() == key);
        let shown = found.ok_or_else(Refused::not_found)?.show();
        Ok(Reply::Json(list::columns(shown, &call.query)))
    }

    pub(super) async fn exchange_bindings(
        &self,
        vhost: &str,
        name: &str,
        end: End,
        call: &Call,
    ) -> Result<Reply, Refused> {
        let (host, exchange) = (vhost.to_owned(), name.to_owned());
        let exists = self
            .ask(move |state| state.host(&host)?.exchange(&exchange).map(drop))
            .await?;
        exists.ok_or_else(Refused::not_found)?;
        let name = Some(name.to_owned());
        let filter = match end {
            End::Source => Filter {
                source: name,
                ..Filter::default()
            },
            End::Destination => Filter {
                destination: name,
                to_queue: Some(false),
                ..Filter::default()
            },
        };
        let found = self.find(Some(vhost), filter, call).await?;
        self.show_bindings(&found, call)
    }

    pub(super) async fn queue_bindings(
        &self,
        vhost: &str,
        name: &str,
        call: &Call,
    ) -> Result<Reply, Refused> {
        let (host, queue) = (vhost.to_owned(), name.to_owned());
        let exists = self
            .ask(move |state| state.host(&host)?.queue(&queue).map(drop))
            .await?;
        exists.ok_or_else(Refused::not_found)?;
        let destination = Some(name.to_owned());
        let filter = Filter {
            destination,
            to_queue: Some(true),
            ..Filter::default()
        };
        let found = self.find(Some(vhost), filter, call).await?;
        self.show_bindings(&found, call)
    }

    pub(super) async fn bind(&self, ends: Ends<'_>, call: &Call) -> Result<Reply, Refused> {
        if ends.source.is_empty() {
            return Err(Refused::not_authorised("Access refused."));
        }
        let wanted = NewBinding {
            source: ends.source.to_owned(),
            destination: ends.destination.to_owned(),
            to_queue: ends.to_queue,
            routing_key: call
                .fields
                .short_text("routing_key")?
                .unwrap_or_default()
                .to_owned(),
            arguments: call.fields.arguments()?,
        };
        check_length("the source", ends.source)?;
        let key = properties_key(&wanted.routing_key, &wanted.arguments);
        let place = format!(
            "{}/{}",
            escape(ends.destination),
            escape(&key).replace("%7E", "~")
        );
        self.act(call, ends.vhost, move |act| wanted.bind(act))
            .await?
            .map_err(|refusal| Refused::change(&refusal))?;
        Ok(Reply::Created(Some(place)))
    }

    pub(super) async fn unbind(
        &self,
        ends: Ends<'_>,
        key: &str,
        call: &Call,
    ) -> Result<Reply, Refused> {
        if ends.source.is_empty() {
            return Err(Refused::not_authorised("Access refused."));
        }
        let found = self
            .find(Some(ends.vhost), Filter::between(ends), call)
            .await?;
        let found = found
            .into_iter()
            .find(|binding| binding.properties_key() == key);
        let found = found.ok_or_else(Refused::not_found)?;
        self.act(call, ends.vhost, move |act| {
            let bind = core::Bind {
                source: &found.source,
                destination: &found.destination,
                routing_key: &found.routing_key,
                arguments: &found.arguments,
            };
            if found.to_queue {
                act.rights.bind_queue(bind.destination, bind.source)?;
                act.host.unbind_queue(act.connection, &bind)
            } else {
                act.rights.bind_exchange(bind.destination, bind.source)?;
                act.host.unbind_exchange(&bind)
            }
        })
        .await?
        .map_err(|refusal| Refused::change(&refusal))?;
        Ok(Reply::Done)
    }

    /// In the order of source, destination and key.
    async fn find(
        &self,
        vhost: Option<&str>,
        filter: Filter,
        call: &Call,
    ) -> Result<Vec<Binding>, Refused> {
        let user = Arc::clone(&call.user);
        let only = vhost.map(str::to_owned);
        let mut found = self
            .ask(move |state| {
                let mut found = Vec::new();
                for name in visible(state, &user, only.as_deref()) {
                    if let Some(host) = state.host(&name) {
                        found.extend(bindings_of(&name, host, &filter));
                    }
                }
                found
            })
            .await?;
        found.sort_by(|a, b| a.order().cmp(&b.order()));
        Ok(found)
    }

    fn show_bindings(&self, found: &[Binding], call: &Call) -> Result<Reply, Refused> {
        let shown = found.iter().map(Binding::show).collect();
        Ok(Reply::Json(list::list(
            shown,
            &call.query,
            self.settings.max_items,
        )?))
    }
}

/// Those that were made, and those that every queue has with the default exchange.
fn bindings_of(vhost: &Arc<str>, host: &VirtualHost, filter: &Filter) -> Vec<Binding> {
    let unnamed: Arc<str> = "".into();
    let mut found = Vec::new();
    if filter.takes("", None, true) {
        found.extend(
            host.queues()
                .filter(|queue| filter.takes("", Some(queue.name), true))
                .map(|queue| Binding {
                    vhost: Arc::clone(vhost),
                    source: Arc::clone(&unnamed),
                    destination: Arc::clone(queue.name),
                    to_queue: true,
                    routing_key: Arc::clone(queue.name),
                    arguments: FieldTable::new(),
                }),
        );
    }
    let made = host
        .bindings()
        .filter(|info| filter.takes(info.source, Some(info.destination), !info.to_exchange));
    found.extend(made.map(|info| Binding::copy(vhost, info)));
    found
}

impl Filter {
    fn between(ends: Ends<'_>) -> Self {
        Self {
            source: Some(ends.source.to_owned()),
            destination: Some(ends.destination.to_owned()),
            to_queue: Some(ends.to_queue),
        }
    }

    fn takes(&self, source: &str, destination: Option<&str>, to_queue: bool) -> bool {
        self.source.as_deref().is_none_or(|wanted| wanted == source)
            && self.to_queue.is_none_or(|wanted| wanted == to_queue)
            && destination.is_none_or(|destination| {
                self.destination
                    .as_deref()
                    .is_none_or(|wanted| wanted == destination)
            })
    }
}

impl Binding {
    fn copy(vhost: &Arc<str>, info: BindingInfo<'_>) -> Self {
        Self {
            vhost: Arc::clone(vhost),
            source: Arc::clone(info.source),
            destination: Arc::clone(info.destination),
            to_queue: !info.to_exchange,
            routing_key: Arc::clone(info.routing_key),
            arguments: info.arguments.clone(),
        }
    }

    fn order(&self) -> (&str, &str, bool, &str, &str) {
        (
            &self.vhost,
            &self.source,
            !self.to_queue,
            &self.destination,
            &self.routing_key,
        )
    }

    fn properties_key(&self) -> String {
        properties_key(&self.routing_key, &self.arguments)
    }

    fn show(&self) -> Value {
        json!({
            "source": &*self.source,
            "vhost": &*self.vhost,
            "destination": &*self.destination,
            "destination_type": if self.to_queue { "queue" } else { "exchange" },
            "routing_key": &*self.routing_key,
            "arguments": json::from_table(&self.arguments),
            "properties_key": self.properties_key(),
        })
    }
}

/// What is to be bound.
pub(super) struct NewBinding {
    pub(super) source: String,
    pub(super) destination: String,
    pub(super) to_queue: bool,
    pub(super) routing_key: String,
    pub(super) arguments: FieldTable<'static>,
}

impl NewBinding {
    pub(super) fn bind(&self, act: &mut Act<'_>) -> Result<(), Refusal> {
        let bind = core::Bind {
            source: &self.source,
            destination: &self.destination,
            routing_key: &self.routing_key,
            arguments: &self.arguments,
        };
        if self.to_queue {
            act.rights.bind_queue(bind.destination, bind.source)?;
            act.host.bind_queue(act.connection, &bind)
        } else {
            act.rights.bind_exchange(bind.destination, bind.source)?;
            act.host.bind_exchange(&bind)
        }
    }
}

/// The name of a binding among those with the same ends: its key, and if it has arguments a hash of them.
fn properties_key(routing_key: &str, arguments: &FieldTable<'_>) -> String {
    match (routing_key, arguments.is_empty()) {
        ("", true) => "~".to_owned(),
        (key, true) => escape(key),
        (key, false) => {
            // As JSON their order does not matter.
            let mut hasher = DefaultHasher::new();
            json::from_table(arguments).to_string().hash(&mut hasher);
            let hash = URL_SAFE_NO_PAD.encode(hasher.finish().to_be_bytes());
            format!("{}~{hash}", escape(key))
        }
    }
}

#[cfg(test)]
mod tests;
