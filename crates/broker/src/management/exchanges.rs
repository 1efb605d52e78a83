//! Exchanges: list, look, declare, delete.

use std::sync::Arc;

use bergen_amqp::codec::FieldTable;
use serde_json::{Value, json};

use super::act::visible;
use super::api::{Api, Call};
use super::fields::check_length;
use super::reply::{Refused, Reply};
use super::{json, list};
use crate::core::{DeclareExchange, ExchangeInfo};

/// A copy of what the broker knows of an exchange.
struct Exchange {
    vhost: Arc<str>,
    name: Arc<str>,
    kind: &'static str,
    durable: bool,
    auto_delete: bool,
    internal: bool,
    arguments: FieldTable<'static>,
}

impl Api {
    pub(super) async fn exchanges(
        &self,
        vhost: Option<&str>,
        call: &Call,
    ) -> Result<Reply, Refused> {
        let user = Arc::clone(&call.user);
        let only = vhost.map(str::to_owned);
        let mut exchanges = self
            .ask(move |state| {
                let mut found = Vec::new();
                for name in visible(state, &user, only.as_deref()) {
                    if let Some(host) = state.host(&name) {
                        found.extend(host.exchanges().map(|info| Exchange::copy(&name, info)));
                    }
                }
                found
            })
            .await?;
        exchanges.sort_by(|a, b| (&a.vhost, &a.name).cmp(&(&b.vhost, &b.name)));
        let shown = exchanges.iter().map(Exchange::show).collect();
        Ok(Reply::Json(list::list(
            shown,
            &call.query,
            self.settings.max_items,
        )?))
    }

    pub(super) async fn exchange(
        &self,
        vhost: &str,
        name: &str,
        call: &Call,
    ) -> Result<Reply, Refused> {
        let (vhost, name): (Arc<str>, Arc<str>) = (vhost.into(), name.into());
        let exchange = self
            .ask(move |state| {
                let info = state.host(&vhost)?.exchange(&name)?;
                Some(Exchange::copy(&vhost, info))
            })
            .await?
            .ok_or_else(Refused::not_found)?;
        let mut shown = exchange.show();
        // Who publishes from where to where is counted only in RabbitMQ's detailed mode.
        json::put(&mut shown, "incoming", json!([]));
        json::put(&mut shown, "outgoing", json!([]));
        Ok(Reply::Json(list::columns(shown, &call.query)))
    }

    pub(super) async fn put_exchange(
        &self,
        vhost: &str,
        name: &str,
        call: &Call,
    ) -> Result<Reply, Refused> {
        check_length("the name", name)?;
        let wanted = NewExchange {
            name: name.to_owned(),
            kind: call
                .fields
                .short_text("type")?
                .unwrap_or("direct")
                .to_owned(),
            durable: call.fields.flag("durable")?,
            auto_delete: call.fields.flag("auto_delete")?,
            internal: call.fields.flag("internal")?,
            arguments: call.fields.arguments()?,
        };
        let existed = self
            .act(call, vhost, move |act| {
                let existed = act.has_exchange(&wanted.name);
                act.rights
                    .declare_exchange(&wanted.name, &wanted.arguments, existed)?;
                act.host.declare_exchange(&wanted.command())?;
                Ok(existed)
            })
            .await?
            .map_err(|refusal| Refused::change(&refusal))?;
        Ok(Reply::declared(existed))
    }

    pub(super) async fn delete_exchange(
        &self,
        vhost: &str,
        name: &str,
        call: &Call,
    ) -> Result<Reply, Refused> {
        let name = name.to_owned();
        let if_unused = call.query.is_true("if-unused");
        self.act(call, vhost, move |act| {
            if !act.has_exchange(&name) {
                return Ok(false);
            }
            act.rights.delete_exchange(&name)?;
            act.host.delete_exchange(&name, if_unused, act.now)?;
            Ok(true)
        })
        .await?
        .map_err(|refusal| Refused::change(&refusal))?
        .then_some(Reply::Done)
        .ok_or_else(Refused::not_found)
    }
}

impl Exchange {
    fn copy(vhost: &Arc<str>, info: ExchangeInfo<'_>) -> Self {
        Self {
            vhost: Arc::clone(vhost),
            name: Arc::clone(info.name),
            kind: info.kind.name(),
            durable: info.durable,
            auto_delete: info.auto_delete,
            internal: info.internal,
            arguments: info.arguments.clone(),
        }
    }

    fn show(&self) -> Value {
        json!({
            "name": &*self.name,
            "vhost": &*self.vhost,
            "type": self.kind,
            "durable": self.durable,
            "auto_delete": self.auto_delete,
            "internal": self.internal,
            "arguments": json::from_table(&self.arguments),
            // Nobody is remembered.
            "user_who_performed_action": "",
        })
    }
}

/// What is to be declared.
pub(super) struct NewExchange {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) durable: bool,
    pub(super) auto_delete: bool,
    pub(super) internal: bool,
    pub(super) arguments: FieldTable<'static>,
}

impl NewExchange {
    pub(super) fn command(&self) -> DeclareExchange<'_> {
        DeclareExchange {
            name: &self.name,
            kind: &self.kind,
            passive: false,
            durable: self.durable,
            auto_delete: self.auto_delete,
            internal: self.internal,
            arguments: &self.arguments,
        }
    }
}
