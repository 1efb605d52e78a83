//! A queue as a reply shows it.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bergen_amqp::codec::FieldTable;
use serde_json::{Map, Value, json};

use crate::core::{QueueCounters, QueueInfo, QueueKind};
use crate::management::json;
use crate::management::rates::{Counters, Key, Rates};
use crate::management::time::since;

/// A copy of what the broker knows of a queue.
pub(in crate::management) struct Row {
    pub(in crate::management) vhost: Arc<str>,
    pub(in crate::management) name: Arc<str>,
    kind: QueueKind,
    durable: bool,
    exclusive: bool,
    auto_delete: bool,
    arguments: FieldTable<'static>,
    ready: u64,
    unacknowledged: u64,
    ready_bytes: u64,
    unacknowledged_bytes: u64,
    consumers: u64,
    active_consumer: Option<Arc<str>>,
    exclusive_consumer: Option<Arc<str>>,
    idle_since: Option<Instant>,
    counters: QueueCounters,
}

impl Row {
    pub(in crate::management) fn copy(vhost: &Arc<str>, info: &QueueInfo<'_>) -> Self {
        Self {
            vhost: Arc::clone(vhost),
            name: Arc::clone(info.name),
            kind: info.kind,
            durable: info.durable,
            exclusive: info.owner.is_some(),
            auto_delete: info.auto_delete,
            arguments: info.arguments.clone(),
            ready: info.ready,
            unacknowledged: info.unacknowledged,
            ready_bytes: info.ready_bytes,
            unacknowledged_bytes: info.unacknowledged_bytes,
            consumers: info.consumers as u64,
            active_consumer: info.single_active_consumer.cloned(),
            exclusive_consumer: info.exclusive_consumer.cloned(),
            idle_since: info.idle_since,
            counters: info.counters,
        }
    }

    pub(in crate::management) fn key(&self) -> Key {
        Key::Queue(Arc::clone(&self.vhost), Arc::clone(&self.name))
    }

    /// What grows and shrinks, for rates.
    pub(in crate::management) fn counters(&self) -> Counters {
        let mut all = depth(self.ready, self.unacknowledged).to_vec();
        all.extend(message_stats(&self.counters));
        all
    }

    pub(in crate::management) fn show(&self, node: &str, rates: &Rates) -> Value {
        let key = self.key();
        let messages = self.ready + self.unacknowledged;
        let bytes = self.ready_bytes + self.unacknowledged_bytes;
        let mut shown = rates.show(&key, &depth(self.ready, self.unacknowledged));
        // What only RabbitMQ has is shown as it shows what it does not know.
        let fixed = json!({
            "name": &*self.name,
            "vhost": &*self.vhost,
            "type": self.kind.name(),
            "node": node,
            "state": "running",
            "durable": self.durable,
            "exclusive": self.exclusive,
            "auto_delete": self.auto_delete,
            "arguments": json::from_table(&self.arguments),
            "policy": null,
            "operator_policy": null,
            "effective_policy_definition": {},
            "consumers": self.consumers,
            "consumer_utilisation": if self.consumers > 0 { 1.0 } else { 0.0 },
            "consumer_capacity": if self.consumers > 0 { 1.0 } else { 0.0 },
            "exclusive_consumer_tag": self.exclusive_consumer.as_deref(),
            "single_active_consumer_tag": self.active_consumer.as_deref(),
            "message_bytes": bytes,
            "message_bytes_ready": self.ready_bytes,
            "message_bytes_unacknowledged": self.unacknowledged_bytes,
            "message_bytes_ram": bytes,
            "messages_ram": messages,
            "messages_ready_ram": self.ready,
            "messages_unacknowledged_ram": self.unacknowledged,
            // Messages are structures around their bytes.
            "memory": bytes + messages * 300 + 1024,
            "reductions": 0,
            "reductions_details": {"rate": 0.0},
            "garbage_collection": {},
        });
        extend(&mut shown, fixed);
        match self.kind {
            QueueKind::Classic => extend(
                &mut shown,
                json!({
                    "backing_queue_status": {"mode": "default", "len": self.ready, "version": 1},
                    "messages_paged_out": 0,
                    "message_bytes_paged_out": 0,
                    "recoverable_slaves": null,
                    "head_message_timestamp": null,
                }),
            ),
            _ => extend(
                &mut shown,
                json!({"leader": node, "members": [node], "online": [node], "open_files": {node: 0}}),
            ),
        }
        if let Some(idle) = self.idle_since {
            shown.insert(
                "idle_since".to_owned(),
                since(idle, SystemTime::now()).into(),
            );
        }
        // A queue that nothing happened to has none, as in RabbitMQ.
        let stats = message_stats(&self.counters);
        if stats.iter().any(|(_, count)| *count > 0) {
            shown.insert(
                "message_stats".to_owned(),
                Value::Object(rates.show(&key, &stats)),
            );
        }
        Value::Object(shown)
    }
}

/// How many messages wait, and for what.
pub(in crate::management) fn depth(ready: u64, unacknowledged: u64) -> [(&'static str, u64); 3] {
    [
        ("messages", ready + unacknowledged),
        ("messages_ready", ready),
        ("messages_unacknowledged", unacknowledged),
    ]
}

/// A queue's counters under RabbitMQ's names.
pub(in crate::management) fn message_stats(counters: &QueueCounters) -> [(&'static str, u64); 9] {
    let fetched = counters.got + counters.got_no_ack;
    [
        ("publish", counters.published),
        ("deliver", counters.delivered),
        ("deliver_no_ack", counters.delivered_no_ack),
        ("get", counters.got),
        ("get_no_ack", counters.got_no_ack),
        ("get_empty", counters.got_empty),
        (
            "deliver_get",
            counters.delivered + counters.delivered_no_ack + fetched,
        ),
        ("redeliver", counters.redelivered),
        ("ack", counters.acknowledged),
    ]
}

fn extend(shown: &mut Map<String, Value>, more: Value) {
    if let Value::Object(more) = more {
        shown.extend(more);
    }
}
