//! Connections, channels and consumers: list, look, close.

use std::collections::HashMap;
use std::sync::Arc;

use bergen_amqp::codec::FieldTable;
use serde_json::{Value, json};

use self::show::{channel_json, connection_json};
use super::act::visible;
use super::api::{Api, Call, is_monitor};
use super::json;
use super::list;
use super::reply::{Refused, Reply};
use crate::core::{ChannelState, ConsumerInfo};
use crate::server::access::User;
use crate::server::{ChannelInfo, ConnectionInfo, State};

mod show;

pub(super) use self::show::{channel_counters, connection_counters, message_stats};

/// A channel, and what the core knows of it.
#[derive(Debug, Clone)]
pub(super) struct ChannelRow {
    info: ChannelInfo,
    state: Option<ChannelState>,
}

/// RabbitMQ's words to a client whose connection is closed from here.
const CLOSED: &str = "Closed via management plugin";
/// Texts of closes have 255 bytes.
const MAX_REASON: usize = 200;

impl Api {
    pub(super) async fn connections(
        &self,
        vhost: Option<&str>,
        of: Option<&str>,
        call: &Call,
    ) -> Result<Reply, Refused> {
        let (node, mut connections) = self
            .ask(|state| (Arc::clone(state.node()), state.connections()))
            .await?;
        connections.retain(|info| {
            // Those that are about to log in or to leave are nowhere.
            let place = info.virtual_host.as_deref();
            let wanted = place.is_some_and(|place| vhost.is_none_or(|vhost| vhost == place))
                && of.is_none_or(|user| user == owner(info.user.as_ref()));
            wanted && may_see(&call.user, owner(info.user.as_ref()))
        });
        connections.sort_by(|a, b| a.name.cmp(&b.name));
        let rates = self.rates.borrow();
        let shown = connections
            .iter()
            .map(|info| connection_json(info, &node, &rates))
            .collect();
        Ok(Reply::Json(list::list(
            shown,
            &call.query,
            self.settings.max_items,
        )?))
    }

    pub(super) async fn connection(&self, name: &str, call: &Call) -> Result<Reply, Refused> {
        let (node, info) = self.find_connection(name, call).await?;
        let shown = connection_json(&info, &node, &self.rates.borrow());
        Ok(Reply::Json(list::columns(shown, &call.query)))
    }

    pub(super) async fn close_connection(&self, name: &str, call: &Call) -> Result<Reply, Refused> {
        self.find_connection(name, call).await?;
        let reason = call.reason.as_deref().unwrap_or(CLOSED);
        let reason: String = reason.chars().take(MAX_REASON).collect();
        let name = name.to_owned();
        // One that has gone meanwhile is as closed as can be.
        self.ask(move |state| state.close_connection(&name, &reason))
            .await?;
        Ok(Reply::Done)
    }

    pub(super) async fn close_connections_of(
        &self,
        user: &str,
        call: &Call,
    ) -> Result<Reply, Refused> {
        if !may_see(&call.user, user) {
            return Err(Refused::not_authorised(
                "User not authorised to access object",
            ));
        }
        let user = user.to_owned();
        self.ask(move |state| {
            for info in state.connections() {
                if owner(info.user.as_ref()) == user {
                    state.close_connection(&info.name, CLOSED);
                }
            }
        })
        .await?;
        Ok(Reply::Done)
    }

    pub(super) async fn connection_channels(
        &self,
        name: &str,
        call: &Call,
    ) -> Result<Reply, Refused> {
        self.find_connection(name, call).await?;
        let (node, mut channels) = self.ask(all_channels).await?;
        channels.retain(|row| &*row.info.connection == name);
        self.show_channels(&node, channels, call)
    }

    pub(super) async fn channels(
        &self,
        vhost: Option<&str>,
        call: &Call,
    ) -> Result<Reply, Refused> {
        let (node, mut channels) = self.ask(all_channels).await?;
        channels.retain(|row| {
            let place = row.info.virtual_host.as_deref();
            place.is_some_and(|place| vhost.is_none_or(|vhost| vhost == place))
                && may_see(&call.user, owner(row.info.user.as_ref()))
        });
        self.show_channels(&node, channels, call)
    }

    pub(super) async fn channel(&self, name: &str, call: &Call) -> Result<Reply, Refused> {
        let wanted = name.to_owned();
        let (node, found) = self
            .ask(move |state| {
                let info = state
                    .channels()
                    .into_iter()
                    .find(|info| channel_name(info) == wanted);
                let found = info.map(|info| {
                    let consumers = ConsumerRow::of_channel(state, &info);
                    (ChannelRow::of(state, info), consumers)
                });
                (Arc::clone(state.node()), found)
            })
            .await?;
        let (row, consumers) = found.ok_or_else(Refused::not_found)?;
        if !may_see(&call.user, owner(row.info.user.as_ref())) {
            return Err(Refused::not_authorised(
                "User not authorised to access object",
            ));
        }
        let mut shown = channel_json(&row, &node, &self.rates.borrow());
        json::put(
            &mut shown,
            "consumer_details",
            consumers.iter().map(|row| row.show(&node)).collect(),
        );
        json::put(&mut shown, "publishes", json!([]));
        json::put(&mut shown, "deliveries", json!([]));
        Ok(Reply::Json(list::columns(shown, &call.query)))
    }

    pub(super) async fn consumers(
        &self,
        vhost: Option<&str>,
        call: &Call,
    ) -> Result<Reply, Refused> {
        let user = Arc::clone(&call.user);
        let only = vhost.map(str::to_owned);
        let (node, mut rows) = self
            .ask(move |state| {
                let channels = state.channels();
                let mut rows = Vec::new();
                for name in visible(state, &user, only.as_deref()) {
                    rows.extend(ConsumerRow::all(state, &name, &channels));
                }
                (Arc::clone(state.node()), rows)
            })
            .await?;
        rows.sort_by(|a, b| a.order().cmp(&b.order()));
        let shown = rows.iter().map(|row| row.show(&node)).collect();
        Ok(Reply::Json(list::list(
            shown,
            &call.query,
            self.settings.max_items,
        )?))
    }

    async fn find_connection(
        &self,
        name: &str,
        call: &Call,
    ) -> Result<(Arc<str>, ConnectionInfo), Refused> {
        let wanted = name.to_owned();
        let (node, found) = self
            .ask(move |state| {
                let found = state
                    .connections()
                    .into_iter()
                    .find(|info| *info.name == *wanted);
                (Arc::clone(state.node()), found)
            })
            .await?;
        let info = found.ok_or_else(Refused::not_found)?;
        if !may_see(&call.user, owner(info.user.as_ref())) {
            return Err(Refused::not_authorised(
                "User not authorised to access object",
            ));
        }
        Ok((node, info))
    }

    fn show_channels(
        &self,
        node: &str,
        mut channels: Vec<ChannelRow>,
        call: &Call,
    ) -> Result<Reply, Refused> {
        channels.sort_by(|a, b| a.order().cmp(&b.order()));
        let rates = self.rates.borrow();
        let shown = channels
            .iter()
            .map(|row| channel_json(row, node, &rates))
            .collect();
        Ok(Reply::Json(list::list(
            shown,
            &call.query,
            self.settings.max_items,
        )?))
    }
}

fn all_channels(state: &mut State) -> (Arc<str>, Vec<ChannelRow>) {
    let channels = state.channels().into_iter();
    let rows = channels.map(|info| ChannelRow::of(state, info)).collect();
    (Arc::clone(state.node()), rows)
}

impl ChannelRow {
    fn of(state: &State, info: ChannelInfo) -> Self {
        let host = info
            .virtual_host
            .as_deref()
            .and_then(|name| state.host(name));
        let state = host.and_then(|host| host.channel_info(info.id));
        Self { info, state }
    }

    fn order(&self) -> (&str, u16) {
        (&self.info.connection, self.info.number)
    }
}

/// The name of who logged in.
fn owner(user: Option<&Arc<User>>) -> &str {
    user.map_or("", |user| user.name())
}

/// Connections are shown to their own users and to those who monitor.
fn may_see(user: &User, owner: &str) -> bool {
    is_monitor(user) || user.name() == owner
}

fn channel_name(info: &ChannelInfo) -> String {
    format!("{} ({})", info.connection, info.number)
}

/// A copy of what the broker knows of a consumer.
pub(super) struct ConsumerRow {
    vhost: Arc<str>,
    queue: Arc<str>,
    consumer_tag: Arc<str>,
    no_ack: bool,
    exclusive: bool,
    active: bool,
    prefetch: u16,
    arguments: FieldTable<'static>,
    channel: Option<ChannelInfo>,
}

impl ConsumerRow {
    pub(super) fn of_queue(state: &State, vhost: &Arc<str>, queue: &str) -> Vec<Self> {
        let channels = state.channels();
        Self::all(state, vhost, &channels)
            .into_iter()
            .filter(|row| &*row.queue == queue)
            .collect()
    }

    fn of_channel(state: &State, channel: &ChannelInfo) -> Vec<Self> {
        let Some(vhost) = &channel.virtual_host else {
            return Vec::new();
        };
        let all = Self::all(state, vhost, std::slice::from_ref(channel));
        all.into_iter()
            .filter(|row| row.channel.is_some())
            .collect()
    }

    fn all(state: &State, vhost: &Arc<str>, channels: &[ChannelInfo]) -> Vec<Self> {
        let there = channels
            .iter()
            .filter(|info| info.virtual_host.as_ref() == Some(vhost));
        let by_id: HashMap<_, _> = there.map(|info| (info.id, info)).collect();
        let Some(host) = state.host(vhost) else {
            return Vec::new();
        };
        host.consumers()
            .map(|info| Self::copy(vhost, &info, by_id.get(&info.channel).copied()))
            .collect()
    }

    fn copy(vhost: &Arc<str>, info: &ConsumerInfo<'_>, channel: Option<&ChannelInfo>) -> Self {
        Self {
            vhost: Arc::clone(vhost),
            queue: Arc::clone(info.queue),
            consumer_tag: Arc::clone(info.consumer_tag),
            no_ack: info.no_ack,
            exclusive: info.exclusive,
            active: info.active,
            prefetch: info.prefetch,
            arguments: info.arguments.clone(),
            channel: channel.cloned(),
        }
    }

    fn order(&self) -> (&str, &str, &str) {
        (&self.vhost, &self.queue, &self.consumer_tag)
    }

    pub(super) fn show(&self, node: &str) -> Value {
        let channel = self.channel.as_ref().map(|info| {
            json!({
                "name": channel_name(info),
                "number": info.number,
                "user": owner(info.user.as_ref()),
                "node": node,
                "connection_name": &*info.connection,
                "peer_host": show::host(info.peer.peer),
                "peer_port": show::port(info.peer.peer),
            })
        });
        json!({
            "queue": {"name": &*self.queue, "vhost": &*self.vhost},
            "consumer_tag": &*self.consumer_tag,
            "ack_required": !self.no_ack,
            "exclusive": self.exclusive,
            "active": self.active,
            "activity_status": if self.active { "up" } else { "waiting" },
            "prefetch_count": self.prefetch,
            "arguments": json::from_table(&self.arguments),
            "channel_details": channel.unwrap_or_else(|| json!({})),
        })
    }
}
