//! Connections and channels as replies show them.

use std::net::SocketAddr;
use std::sync::Arc;

use bergen_amqp::protocol::FrameCounts;
use serde_json::{Value, json};

use super::{ChannelRow, channel_name, owner};
use crate::management::json;
use crate::management::rates::{Counters, Key, Rates};
use crate::management::time::milliseconds;
use crate::server::{ChannelCounts, ChannelInfo, ConnectionInfo};

pub(in crate::management) fn connection_counters(info: &ConnectionInfo) -> (Key, Counters) {
    (
        Key::Connection(Arc::clone(&info.name)),
        octets(info).to_vec(),
    )
}

pub(in crate::management) fn channel_counters(info: &ChannelInfo) -> (Key, Counters) {
    (channel_key(info), message_stats(&info.counts).to_vec())
}

pub(super) fn connection_json(info: &ConnectionInfo, node: &str, rates: &Rates) -> Value {
    let mut shown = rates.show(&Key::Connection(Arc::clone(&info.name)), &octets(info));
    let tls = info.peer.tls.as_ref();
    let tuning = info.tuning;
    let heartbeat = tuning
        .and_then(|tuning| tuning.heartbeat)
        .unwrap_or_default();
    let frames =
        |counts: FrameCounts| counts.methods + counts.headers + counts.bodies + counts.heartbeats;
    let fixed = json!({
        "name": &*info.name,
        "node": node,
        "vhost": info.virtual_host.as_deref(),
        "user": owner(info.user.as_ref()),
        "user_who_performed_action": owner(info.user.as_ref()),
        "type": "network",
        "protocol": "AMQP 0-9-1",
        "state": info.state,
        "host": host(info.peer.local),
        "port": port(info.peer.local),
        "peer_host": host(info.peer.peer),
        "peer_port": port(info.peer.peer),
        "ssl": tls.is_some(),
        "ssl_protocol": tls.map(|tls| &tls.protocol),
        "ssl_cipher": tls.map(|tls| &tls.cipher),
        "ssl_hash": null,
        "ssl_key_exchange": null,
        "peer_cert_issuer": null,
        "peer_cert_subject": null,
        "peer_cert_validity": null,
        "auth_mechanism": info.mechanism,
        "channels": info.channels,
        "channel_max": tuning.map(|tuning| tuning.channel_max),
        "frame_max": tuning.map(|tuning| tuning.frame_max),
        "timeout": heartbeat.as_secs(),
        "connected_at": milliseconds(info.connected_at),
        "client_properties": json::from_table(&info.client_properties),
        "recv_cnt": frames(info.traffic.received),
        "send_cnt": frames(info.traffic.sent),
        "send_pend": info.pending_bytes,
        "reductions": 0,
        "reductions_details": {"rate": 0.0},
        "garbage_collection": {},
    });
    if let Value::Object(fixed) = fixed {
        shown.extend(fixed);
    }
    Value::Object(shown)
}

pub(super) fn channel_json(row: &ChannelRow, node: &str, rates: &Rates) -> Value {
    let ChannelRow { info, state } = row;
    let user = owner(info.user.as_ref());
    let mut shown = json!({
        "name": channel_name(info),
        "number": info.number,
        "node": node,
        "vhost": info.virtual_host.as_deref(),
        "user": user,
        "user_who_performed_action": user,
        "state": "running",
        "confirm": info.confirms,
        "transactional": info.transactional,
        "consumer_count": state.map_or(0, |state| state.consumers),
        "prefetch_count": state.map_or(0, |state| state.prefetch),
        "global_prefetch_count": state.map_or(0, |state| state.global_prefetch),
        "messages_unacknowledged": state.map_or(0, |state| state.unacknowledged),
        "messages_unconfirmed": info.unconfirmed,
        "messages_uncommitted": 0,
        "acks_uncommitted": 0,
        "pending_raft_commands": 0,
        "connection_details": {
            "name": &*info.connection,
            "peer_host": host(info.peer.peer),
            "peer_port": port(info.peer.peer),
        },
        "reductions": 0,
        "reductions_details": {"rate": 0.0},
        "garbage_collection": {},
    });
    // A channel that did nothing has none, as in RabbitMQ.
    let stats = message_stats(&info.counts);
    if stats.iter().any(|(_, count)| *count > 0) {
        json::put(
            &mut shown,
            "message_stats",
            Value::Object(rates.show(&channel_key(info), &stats)),
        );
    }
    shown
}

/// Counters of channels, virtual hosts and the broker under RabbitMQ's names.
pub(in crate::management) fn message_stats(counts: &ChannelCounts) -> [(&'static str, u64); 8] {
    [
        ("publish", counts.published),
        ("confirm", counts.confirmed),
        ("return_unroutable", counts.returned),
        ("deliver", counts.delivered),
        ("get", counts.got),
        ("deliver_get", counts.delivered + counts.got),
        ("redeliver", counts.redelivered),
        ("ack", counts.acknowledged),
    ]
}

pub(super) fn host(address: Option<SocketAddr>) -> String {
    address
        .map(|address| address.ip().to_string())
        .unwrap_or_default()
}

pub(super) fn port(address: Option<SocketAddr>) -> u16 {
    address.map(|address| address.port()).unwrap_or_default()
}

fn octets(info: &ConnectionInfo) -> [(&'static str, u64); 2] {
    [
        ("recv_oct", info.traffic.received.bytes),
        ("send_oct", info.traffic.sent.bytes),
    ]
}

fn channel_key(info: &ChannelInfo) -> Key {
    Key::Channel(Arc::clone(&info.connection), info.number)
}
