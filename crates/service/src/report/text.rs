//! What a process is at, as lines for people. The report and the backdoor show the same ones.

use std::collections::BTreeMap;
use std::time::Duration;

use bergen_config::Configuration;
use serde_json::Value;

use crate::introspect::{CallInFlight, ProcessSnapshot};

/// Text that grows by lines.
pub(crate) trait Lines {
    /// Adds a line.
    fn line(&mut self, text: &str);
}

impl Lines for String {
    fn line(&mut self, text: &str) {
        self.push_str(text);
        self.push('\n');
    }
}

pub(crate) fn tasks(snapshot: &ProcessSnapshot) -> String {
    let mut out = String::new();
    for task in &snapshot.tasks {
        let (group, name) = (plain(&task.group), plain(&task.name));
        out.line(&format!("task {group}/{name}: for {}", seconds(task.age)));
    }
    out
}

pub(crate) fn timers(snapshot: &ProcessSnapshot) -> String {
    let mut out = String::new();
    for timer in &snapshot.timers {
        let (group, name) = (plain(&timer.group), plain(&timer.name));
        let every = timer.interval.map_or_else(
            || "no interval".to_owned(),
            |interval| format!("every {}", seconds(interval)),
        );
        let next = timer.until_next_run.map_or_else(
            || "a run is in progress".to_owned(),
            |left| format!("next in {}", seconds(left)),
        );
        let (runs, failures) = (timer.runs, timer.failures);
        out.line(&format!(
            "timer {group}/{name}: {every}, {runs} runs, {failures} failed, {next}"
        ));
    }
    out
}

pub(crate) fn connections(snapshot: &ProcessSnapshot) -> String {
    let mut out = String::new();
    for connection in &snapshot.connections {
        let (name, state) = (plain(&connection.name), plain(&connection.state));
        out.line(&format!("connection {name}: {state}"));
        for (name, value) in &connection.details {
            out.line(&format!("  {} = {}", plain(name), plain(value)));
        }
    }
    out
}

pub(crate) fn servers(snapshot: &ProcessSnapshot) -> String {
    let mut out = String::new();
    for server in &snapshot.servers {
        let running = server.calls.len();
        let limit = server
            .limit
            .map_or_else(String::new, |limit| format!(" of {limit}"));
        let target = plain(&server.target);
        out.line(&format!(
            "server {target}: {running}{limit} calls in flight"
        ));
        for queue in &server.queues {
            out.line(&format!("  queue {}", plain(queue)));
        }
        for call in &server.calls {
            out.line(&format!("  {}", call_in_flight(call)));
        }
    }
    out
}

fn call_in_flight(call: &CallInFlight) -> String {
    let request_id = call.request_id.as_deref().unwrap_or("no request id");
    format!(
        "call {} ({}), for {}",
        plain(&call.method),
        plain(request_id),
        seconds(call.age)
    )
}

/// All options, group by group; secrets as `***`.
pub(crate) fn configuration(configuration: &Configuration) -> String {
    let options = configuration.options();
    let mut groups: BTreeMap<&str, BTreeMap<&str, String>> = BTreeMap::new();
    for option in options.definitions() {
        let value = match options.value(option.group, option.name) {
            _ if options.is_secret(option.group, option.name) => "***".to_owned(),
            Ok(Some(value)) => value.to_string(),
            Ok(None) => "None".to_owned(),
            Err(error) => error.to_string(),
        };
        let group = match option.group {
            "DEFAULT" => "default",
            group => group,
        };
        groups.entry(group).or_default().insert(option.name, value);
    }
    let mut out = String::new();
    for (group, options) in groups {
        out.line("");
        out.line(&format!("{group}: "));
        for (name, value) in options {
            out.line(&format!("  {name} = {}", plain(&value)));
        }
    }
    out
}

/// A value of any shape: `name = value` lines, what is inside another indented.
pub(crate) fn value(value: &Value) -> String {
    let mut out = String::new();
    add_value(&mut out, 0, value);
    out
}

/// The depth of a `Value` is bounded by who parsed it; what is made in code is the program's own.
fn add_value(out: &mut String, depth: usize, value: &Value) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let name = plain(name);
                if value.is_object() || value.is_array() {
                    out.line(&format!("{indent}{name} ="));
                    add_value(out, depth + 1, value);
                } else {
                    out.line(&format!("{indent}{name} = {}", scalar(value)));
                }
            }
        }
        Value::Array(elements) => {
            for element in elements {
                add_value(out, depth, element);
            }
        }
        value => out.line(&format!("{indent}{}", scalar(value))),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => plain(text),
        value => value.to_string(),
    }
}

pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// The text with control characters made visible: it may have come from a peer, and is for terminals.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}
