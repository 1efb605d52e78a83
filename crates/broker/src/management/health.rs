//! Health checks.

use serde_json::{Value, json};

use super::api::{Api, Call};
use super::reply::{Refused, Reply};
use super::route::Health;
use crate::core::{DeclareQueue, Message, Publish};
use bergen_amqp::codec::{BasicProperties, FieldTable};
use bytes::Bytes;
use std::sync::Arc;

impl Api {
    /// That the broker answered at all is most of each check.
    pub(super) async fn health(&self, check: Health<'_>) -> Result<Reply, Refused> {
        let (node, alarm) = self
            .ask(|state| (Arc::clone(state.node()), state.alarm()))
            .await?;
        Ok(match check {
            Health::Alarms | Health::Node => match alarm {
                None => Reply::Json(json!({"status": "ok"})),
                Some(alarm) => {
                    let resource = if alarm.contains("disk") {
                        "disk"
                    } else {
                        "memory"
                    };
                    Reply::Failing(json!({
                        "status": "failed",
                        "reason": "There are alarms in effect in the cluster",
                        "alarms": [{"node": &*node, "resource": resource}],
                    }))
                }
            },
            Health::Cluster => {
                Reply::Json(json!({"status": "ok", "reason": "single node cluster"}))
            }
            Health::VirtualHosts | Health::Certificates => Reply::Json(json!({"status": "ok"})),
            Health::Port(port) => {
                let port: u16 = port
                    .parse()
                    .map_err(|_| Refused::bad_request("Invalid port"))?;
                let ports = self.listening("port");
                if ports.contains(&port.into()) {
                    Reply::Json(json!({"status": "ok", "port": port}))
                } else {
                    Reply::Failing(json!({
                        "status": "failed", "reason": "No active listener", "missing": port, "ports": ports,
                    }))
                }
            }
            Health::Protocol(protocol) => {
                let protocols = self.listening("protocol");
                if protocols.contains(&protocol.into()) {
                    Reply::Json(json!({"status": "ok", "protocol": protocol}))
                } else {
                    Reply::Failing(json!({
                        "status": "failed", "reason": "No active listener", "missing": protocol,
                        "protocols": protocols,
                    }))
                }
            }
        })
    }

    /// Declares a queue, publishes to it and gets the message back.
    pub(super) async fn aliveness(&self, vhost: &str, call: &Call) -> Result<Reply, Refused> {
        const QUEUE: &str = "aliveness-test";
        let arrived = self
            .act(call, vhost, |act| {
                let arguments = FieldTable::new();
                let declare = DeclareQueue {
                    name: QUEUE,
                    passive: false,
                    durable: false,
                    exclusive: false,
                    auto_delete: false,
                    arguments: &arguments,
                };
                act.rights
                    .declare_queue(QUEUE, &arguments, act.has_queue(QUEUE))?;
                act.rights.publish("")?;
                act.rights.read_queue(QUEUE)?;
                act.host.declare_queue(act.connection, &declare, act.now)?;
                let message = Message {
                    exchange: "".into(),
                    routing_key: QUEUE.into(),
                    properties: BasicProperties::default(),
                    body: Bytes::from_static(b"test_message"),
                };
                act.host
                    .publish(Publish::default(), Arc::new(message), act.now)?;
                let channel = act.host.open_channel(act.connection);
                Ok(act.host.get(channel, QUEUE, true, act.now)?.is_some())
            })
            .await?
            .map_err(|refusal| Refused::change(&refusal))?;
        Ok(if arrived {
            Reply::Json(json!({"status": "ok"}))
        } else {
            Reply::Failing(json!({"status": "failed", "reason": "the message did not arrive"}))
        })
    }

    fn listening(&self, what: &str) -> Vec<Value> {
        let Value::Array(listeners) = self.listeners("") else {
            return Vec::new();
        };
        let mut found: Vec<Value> = listeners
            .iter()
            .filter_map(|listener| listener.get(what).cloned())
            .collect();
        found.dedup();
        found
    }
}
