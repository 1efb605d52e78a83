//! The broker as a whole: overview, its one node, who asks.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};

use super::api::{Api, Call, is_monitor};
use super::connections::message_stats;
use super::list;
use super::queues::row::depth;
use super::rates::{Counters, Key};
use super::reply::{Refused, Reply};
use crate::core::ExchangeKind;
use crate::server::listen::Address;
use crate::server::{ChannelCounts, State};

/// The version whose API this is.
pub(super) const RABBITMQ_VERSION: &str = "3.10.8";
/// Who we are, beside that.
pub(super) const PRODUCT: &str = "bergen";

/// What the overview shows of the broker's state.
struct Summary {
    node: Arc<str>,
    totals: ChannelCounts,
    churn: Counters,
    ready: u64,
    unacknowledged: u64,
    objects: Value,
}

impl Api {
    pub(super) async fn overview(&self, call: &Call) -> Result<Reply, Refused> {
        let user = Arc::clone(&call.user);
        let summary = self.ask(move |state| Summary::of(state, &user)).await?;
        let node = &*summary.node;
        let rates = self.rates.borrow();
        let totals = depth(summary.ready, summary.unacknowledged);
        let shown = json!({
            "management_version": RABBITMQ_VERSION,
            "rabbitmq_version": RABBITMQ_VERSION,
            "product_name": PRODUCT,
            "product_version": env!("CARGO_PKG_VERSION"),
            "release_series_support_status": "supported",
            "erlang_version": "",
            "erlang_full_version": "",
            "cluster_name": node,
            "node": node,
            "rates_mode": "basic",
            // Rates are of the latest seconds only: nothing is kept for longer.
            "sample_retention_policies": {"global": [], "basic": [], "detailed": []},
            "exchange_types": exchange_types(),
            "disable_stats": false,
            "enable_queue_totals": false,
            "message_stats": rates.show(&Key::Broker, &message_stats(&summary.totals)),
            "churn_rates": rates.show(&Key::Broker, &summary.churn),
            "queue_totals": rates.show(&Key::Broker, &totals),
            "object_totals": summary.objects,
            "statistics_db_event_queue": 0,
            "listeners": if is_monitor(&call.user) { self.listeners(node) } else { json!([]) },
            "contexts": if is_monitor(&call.user) { self.contexts(node) } else { json!([]) },
        });
        Ok(Reply::Json(list::columns(shown, &call.query)))
    }

    pub(super) fn who_am_i(call: &Call) -> Reply {
        let tags: Vec<&str> = call.user.tags().collect();
        Reply::Json(json!({"name": call.user.name(), "tags": tags}))
    }

    pub(super) async fn cluster_name(&self) -> Result<Reply, Refused> {
        let node = self.ask(|state| Arc::clone(state.node())).await?;
        Ok(Reply::Json(json!({"name": &*node})))
    }

    pub(super) async fn nodes(&self, call: &Call) -> Result<Reply, Refused> {
        let (_, node) = self.node_json().await?;
        Ok(Reply::Json(list::list(
            vec![node],
            &call.query,
            self.settings.max_items,
        )?))
    }

    pub(super) async fn node(&self, name: &str, call: &Call) -> Result<Reply, Refused> {
        let (node, shown) = self.node_json().await?;
        if *node != *name {
            return Err(Refused::not_found());
        }
        Ok(Reply::Json(list::columns(shown, &call.query)))
    }

    async fn node_json(&self) -> Result<(Arc<str>, Value), Refused> {
        let (node, sockets, alarm, (used, limit), churn) = self
            .ask(|state| {
                let node = Arc::clone(state.node());
                (
                    node,
                    state.connections().len(),
                    state.alarm(),
                    state.memory(),
                    churn(state),
                )
            })
            .await?;
        let low = |of: &str| alarm.is_some_and(|alarm| alarm.contains(of));
        let uptime = Instant::now()
            .saturating_duration_since(self.started)
            .as_millis();
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut shown = self.rates.borrow().show(&Key::Broker, &churn);
        let fixed = json!({
            "name": &*node,
            "type": "disc",
            "running": true,
            "partitions": [],
            "cluster_links": [],
            "os_pid": std::process::id().to_string(),
            "uptime": u64::try_from(uptime).unwrap_or(u64::MAX),
            "processors": threads,
            "run_queue": 0,
            "rates_mode": "basic",
            "exchange_types": exchange_types(),
            "auth_mechanisms": mechanisms(),
            "applications": [{
                "name": PRODUCT,
                "description": env!("CARGO_PKG_DESCRIPTION"),
                "version": env!("CARGO_PKG_VERSION"),
            }],
            "contexts": self.contexts(&node),
            "log_files": [],
            "config_files": [],
            "db_dir": "",
            "enabled_plugins": ["rabbitmq_management"],
            "net_ticktime": 0,
            // What messages hold, and the watermark for it: the rest of the process is not ours to count.
            "mem_used": used,
            "mem_used_details": {"rate": 0.0},
            "mem_limit": limit,
            "mem_alarm": low("memory"),
            "mem_calculation_strategy": "allocated",
            "disk_free": 0,
            "disk_free_details": {"rate": 0.0},
            "disk_free_limit": 0,
            "disk_free_alarm": low("disk"),
            "fd_used": sockets,
            "fd_total": 0,
            "sockets_used": sockets,
            "sockets_total": 0,
            "proc_used": 0,
            "proc_total": 0,
        });
        if let Value::Object(fixed) = fixed {
            shown.extend(fixed);
        }
        Ok((node, Value::Object(shown)))
    }

    /// Where the broker listens: for clients, and for us.
    pub(super) fn listeners(&self, node: &str) -> Value {
        let amqp = self.addresses.iter().map(|address| match address {
            Address::Tcp(address) => ("amqp", address.ip().to_string(), address.port()),
            Address::Tls(address) => ("amqp/ssl", address.ip().to_string(), address.port()),
            Address::Unix(path) => ("amqp", path.display().to_string(), 0),
        });
        let http = ("http", self.address.ip().to_string(), self.address.port());
        amqp.chain([http])
            .map(|(protocol, host, port)| {
                json!({"node": node, "protocol": protocol, "ip_address": host, "port": port, "socket_opts": {}})
            })
            .collect()
    }

    fn contexts(&self, node: &str) -> Value {
        json!([{
            "node": node,
            "description": "RabbitMQ Management",
            "path": "/",
            "ip": self.address.ip().to_string(),
            "port": self.address.port().to_string(),
            "ssl_opts": [],
        }])
    }
}

impl Summary {
    fn of(state: &State, user: &crate::server::access::User) -> Self {
        let (mut ready, mut unacknowledged) = (0, 0);
        let (mut exchanges, mut queues, mut consumers) = (0, 0, 0);
        for vhost in state.virtual_hosts() {
            let Some(host) = state.host(vhost) else {
                continue;
            };
            if !is_monitor(user) && !user.may_enter(vhost) {
                continue;
            }
            exchanges += host.exchanges().count();
            for queue in host.queues() {
                queues += 1;
                consumers += queue.consumers;
                ready += queue.ready;
                unacknowledged += queue.unacknowledged;
            }
        }
        let connections = state.connections();
        let channels: usize = connections.iter().map(|info| info.channels).sum();
        Self {
            node: Arc::clone(state.node()),
            totals: state.totals(),
            churn: churn(state),
            ready,
            unacknowledged,
            objects: json!({
                "connections": connections.len(),
                "channels": channels,
                "exchanges": exchanges,
                "queues": queues,
                "consumers": consumers,
            }),
        }
    }
}

/// Who comes and goes.
pub(super) fn churn(state: &State) -> Counters {
    let created = state.connections_created();
    let open = state.connections().len() as u64;
    vec![
        ("connection_created", created),
        ("connection_closed", created.saturating_sub(open)),
    ]
}

fn exchange_types() -> Value {
    [
        ExchangeKind::Direct,
        ExchangeKind::Fanout,
        ExchangeKind::Headers,
        ExchangeKind::Topic,
    ]
    .into_iter()
    .map(|kind| {
        let name = kind.name();
        json!({"name": name, "description": format!("AMQP {name} exchange"), "enabled": true})
    })
    .collect()
}

fn mechanisms() -> Value {
    ["PLAIN", "AMQPLAIN", "EXTERNAL"]
        .into_iter()
        .map(|name| json!({"name": name, "description": format!("SASL {name}"), "enabled": true}))
        .collect()
}
