//! Queues: list, look, declare, delete, purge.

use std::sync::Arc;

use bergen_amqp::codec::FieldTable;
use serde_json::{Value, json};

use self::row::Row;
use super::act::visible;
use super::api::{Api, Call};
use super::connections::ConsumerRow;
use super::fields::check_length;
use super::json;
use super::list;
use super::reply::{Refused, Reply};
use crate::core::DeclareQueue;

pub(super) mod row;

impl Api {
    pub(super) async fn queues(&self, vhost: Option<&str>, call: &Call) -> Result<Reply, Refused> {
        let user = Arc::clone(&call.user);
        let only = vhost.map(str::to_owned);
        let (node, mut queues) = self
            .ask(move |state| {
                let mut found = Vec::new();
                for name in visible(state, &user, only.as_deref()) {
                    if let Some(host) = state.host(&name) {
                        found.extend(host.queues().map(|info| Row::copy(&name, &info)));
                    }
                }
                (Arc::clone(state.node()), found)
            })
            .await?;
        queues.sort_by(|a, b| (&a.vhost, &a.name).cmp(&(&b.vhost, &b.name)));
        let rates = self.rates.borrow();
        let shown = queues.iter().map(|row| row.show(&node, &rates)).collect();
        Ok(Reply::Json(list::list(
            shown,
            &call.query,
            self.settings.max_items,
        )?))
    }

    pub(super) async fn queue(
        &self,
        vhost: &str,
        name: &str,
        call: &Call,
    ) -> Result<Reply, Refused> {
        let (vhost, name): (Arc<str>, Arc<str>) = (vhost.into(), name.into());
        let (node, row, consumers) = self
            .ask(move |state| {
                let row = Row::copy(&vhost, &state.host(&vhost)?.queue(&name)?);
                let consumers = ConsumerRow::of_queue(state, &vhost, &name);
                Some((Arc::clone(state.node()), row, consumers))
            })
            .await?
            .ok_or_else(Refused::not_found)?;
        let mut shown = row.show(&node, &self.rates.borrow());
        json::put(
            &mut shown,
            "consumer_details",
            consumers.iter().map(|row| row.show(&node)).collect(),
        );
        // Counted by RabbitMQ in its detailed mode only.
        json::put(&mut shown, "incoming", json!([]));
        json::put(&mut shown, "deliveries", json!([]));
        Ok(Reply::Json(list::columns(shown, &call.query)))
    }

    pub(super) async fn put_queue(
        &self,
        vhost: &str,
        name: &str,
        call: &Call,
    ) -> Result<Reply, Refused> {
        check_length("the name", name)?;
        let wanted = NewQueue {
            name: name.to_owned(),
            durable: call.fields.flag("durable")?,
            auto_delete: call.fields.flag("auto_delete")?,
            arguments: call.fields.arguments()?,
        };
        let existed = self
            .act(call, vhost, move |act| {
                let existed = act.has_queue(&wanted.name);
                act.rights
                    .declare_queue(&wanted.name, &wanted.arguments, existed)?;
                act.host
                    .declare_queue(act.connection, &wanted.command(), act.now)?;
                Ok(existed)
            })
            .await?
            .map_err(|refusal| Refused::change(&refusal))?;
        Ok(Reply::declared(existed))
    }

    pub(super) async fn delete_queue(
        &self,
        vhost: &str,
        name: &str,
        call: &Call,
    ) -> Result<Reply, Refused> {
        let name = name.to_owned();
        let (if_unused, if_empty) = (
            call.query.is_true("if-unused"),
            call.query.is_true("if-empty"),
        );
        self.act(call, vhost, move |act| {
            if !act.has_queue(&name) {
                return Ok(false);
            }
            act.rights.delete_queue(&name)?;
            act.host
                .delete_queue(act.connection, &name, if_unused, if_empty, act.now)?;
            Ok(true)
        })
        .await?
        .map_err(|refusal| Refused::change(&refusal))?
        .then_some(Reply::Done)
        .ok_or_else(Refused::not_found)
    }

    pub(super) async fn purge(
        &self,
        vhost: &str,
        name: &str,
        call: &Call,
    ) -> Result<Reply, Refused> {
        let name = name.to_owned();
        self.act(call, vhost, move |act| {
            if !act.has_queue(&name) {
                return Ok(false);
            }
            act.rights.purge_queue(&name)?;
            act.host.purge_queue(act.connection, &name, act.now)?;
            Ok(true)
        })
        .await?
        .map_err(|refusal| Refused::change(&refusal))?
        .then_some(Reply::Done)
        .ok_or_else(Refused::not_found)
    }

    /// There is nothing to synchronise with.
    pub(super) fn queue_action(call: &Call) -> Result<Reply, Refused> {
        call.fields.require(&["action"])?;
        match call.fields.text("action")?.unwrap_or_default() {
            "sync" | "cancel_sync" => Ok(Reply::Done),
            other => Err(Refused::bad_request(Value::from(vec!["unknown", other]))),
        }
    }
}

/// What is to be declared.
pub(super) struct NewQueue {
    pub(super) name: String,
    pub(super) durable: bool,
    pub(super) auto_delete: bool,
    pub(super) arguments: FieldTable<'static>,
}

impl NewQueue {
    pub(super) fn command(&self) -> DeclareQueue<'_> {
        DeclareQueue {
            name: &self.name,
            passive: false,
            durable: self.durable,
            exclusive: false,
            auto_delete: self.auto_delete,
            arguments: &self.arguments,
        }
    }
}
