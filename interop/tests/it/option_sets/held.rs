//! What a broker holds, without what is random in it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bergen_testbed::TestVhost;
use serde_json::{Value, json};

use super::services::Options;

/// What is a test's own in the names of one service.
pub(super) struct Names {
    options: Options,
    process: String,
    locks: std::path::PathBuf,
}

impl Names {
    /// A service with the queue manager counts for a process name of its own.
    pub(super) fn new(options: &Options, who: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let process = format!("set-{}-{number}-{who}", std::process::id());
        let locks = std::env::temp_dir().join(format!("bergen-{process}"));
        Self {
            options: options.clone(),
            process,
            locks,
        }
    }

    pub(super) fn options(&self) -> Options {
        let mut options = self.options.clone();
        if options.is_set("use_queue_manager") {
            options.set("processname", json!(self.process));
            options.lock_path = Some(self.locks.clone());
        }
        options
    }

    /// Hex digits and the process name are left out.
    fn steady(&self, name: &str) -> String {
        match name.rsplit_once('_') {
            Some((start, id)) if id.len() == 32 => format!("{start}_<id>"),
            _ => name.replace(&self.process, "<process>"),
        }
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(format!("/dev/shm/node1_{}_qmanager", self.process));
        let _ = std::fs::remove_dir_all(&self.locks);
    }
}

/// The rows of one list: these members, names made steady, sorted.
fn rows(list: &[Value], names: &Names, members: &[&str]) -> Vec<Value> {
    let member = |row: &Value, member: &str| match member.split_once('/') {
        Some((outer, inner)) => row[outer][inner].clone(),
        None => row[member].clone(),
    };
    let mut rows: Vec<Value> = list
        .iter()
        .map(|row| {
            let values = members.iter().map(|name| match member(row, name) {
                Value::String(text) => json!(names.steady(&text)),
                other => other,
            });
            values.collect()
        })
        .collect();
    rows.sort_by_key(Value::to_string);
    rows
}

/// Exchanges, queues, bindings and consumers of a virtual host with one service.
pub(super) async fn held(vhost: &TestVhost, options: &Options, names: &Names) -> Value {
    let management = vhost.management();
    let own = |list: Vec<Value>, name: &str| -> Vec<Value> {
        let is_own = |row: &Value| {
            let name = row[name].as_str().unwrap();
            !name.is_empty() && !name.starts_with("amq.")
        };
        list.into_iter().filter(is_own).collect()
    };
    let exchanges = own(management.exchanges(vhost.name()).await.unwrap(), "name");
    let queues = management.queues(vhost.name()).await.unwrap();
    let bindings = own(management.bindings(vhost.name()).await.unwrap(), "source");
    // Topic, server, fanout, notifications, replies; the list is some seconds behind.
    let path = format!("consumers/{}", vhost.name());
    let consumers = management
        .wait_for(&path, Duration::from_secs(20), |list| {
            list.as_array().is_some_and(|list| list.len() == 5)
        })
        .await
        .unwrap();
    let mut of_consumers = vec!["queue/name", "consumer_tag", "ack_required", "exclusive"];
    if options.is_set("rabbit_qos_prefetch_count") {
        of_consumers.push("prefetch_count");
    }
    if !options.is_set("rabbit_stream_fanout") {
        // Streams are read from another place here, for a reason.
        of_consumers.push("arguments");
    }
    json!({
        "exchanges": rows(&exchanges, names, &["name", "type", "durable", "auto_delete", "internal", "arguments"]),
        "queues": rows(&queues, names, &["name", "type", "durable", "auto_delete", "exclusive", "arguments"]),
        "bindings": rows(&bindings, names, &["source", "destination", "routing_key", "arguments"]),
        "consumers": rows(consumers.as_array().unwrap(), names, &of_consumers),
    })
}
