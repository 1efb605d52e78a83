//! The plan of this driver against what the peer was seen to do, set by set.

use std::fmt::Write as _;
use std::path::Path;

use super::super::super::declares::Needs;
use super::super::super::fanout_queue::FanoutQueue;
use super::super::super::route::Route;
use super::super::super::settings::Settings;
use super::*;
use crate::options::{CONCURRENCY_GROUP, RabbitOptions, defaults};
use crate::target::Target;
use crate::url::TransportUrl;
use bergen_config::Source;

const PEERS: &str = include_str!("../../../../../tests/topology/option_sets.txt");

/// What no declaration shows, so that no room for it is asked for.
const ROOM: u16 = 128;

struct Set<'a> {
    name: &'a str,
    options: &'a str,
    lines: Vec<&'a str>,
}

fn sets() -> Vec<Set<'static>> {
    let mut sets = Vec::new();
    for line in PEERS.lines() {
        if let Some(rest) = line.strip_prefix('[') {
            let (name, options) = rest.split_once(']').unwrap();
            sets.push(Set {
                name,
                options: options.trim(),
                lines: Vec::new(),
            });
        } else if let (Some(set), false) = (sets.last_mut(), line.is_empty()) {
            set.lines.push(line);
        }
    }
    sets
}

fn settings(query: &str, locks: &Path) -> Settings {
    let url = format!("rabbit://mq/?{}", query.replace(' ', "&"));
    let url: TransportUrl = url.parse().unwrap();
    let mut options = defaults();
    let locks = locks.to_str().unwrap();
    let lock_path = options.set(CONCURRENCY_GROUP, "lock_path", locks, Source::Code);
    lock_path.unwrap();
    let options = RabbitOptions::new(&options, &url).unwrap();
    Settings::new(&url, "E", &options).unwrap()
}

/// The plan in the words of the record. A conflict is an exchange that is there already and not durable.
async fn plan(settings: &Settings, conflict: bool) -> Vec<String> {
    let topology = Topology::new(settings.topology.clone());
    let mut plan = Plan {
        arguments: topology.consume_arguments(),
        qos: settings.prefetch,
        conflict,
        lines: Vec::new(),
    };
    let fanout = FanoutQueue::draw(settings, &topology, "t").await.unwrap();
    let bindings = topology.server("E", "t", "srv", &fanout.name);
    let (own, stream) = fanout.into_parts();
    plan.line(
        "rpc-server",
        format!("heartbeat {}", settings.hosts[0].heartbeat.as_secs()),
    );
    let at = stream.map(|stream| stream.consume_arguments());
    plan.consumed("rpc-server", &bindings, at.as_ref());
    if let Some(own) = own.filter(|own| own.deleted_on_close) {
        plan.line("rpc-server", format!("delete {}", steady(&own.name)));
    }
    let listened = [topology.notifications("E", "nl", "INFO", None)];
    plan.consumed("notification-listener", &listened, None);
    let queue = reply_queue_name(settings.queue_names.next().await.unwrap());
    plan.consumed("rpc-client-replies", &[topology.replies(&queue)], None);
    let target = Target::default().with_topic("t");
    for route in [
        Route::direct(&topology, "E", &target),
        Route::fanout(&topology, &target),
    ] {
        let Needs::Exchange(exchange) = route.unwrap().needs else {
            panic!("an exchange")
        };
        plan.exchange("rpc-client-sender", &exchange);
    }
    let mandatory = if settings.mandatory_replies {
        " mandatory"
    } else {
        ""
    };
    plan.line("rpc-server-reply-sender", format!("publish{mandatory}"));
    for topic in ["nn", "nl"].into_iter().filter(|_| !conflict) {
        let target = Target::default().with_topic(topic);
        let route = Route::notification(&topology, "E", &target, "info").unwrap();
        let Needs::Binding(binding) = route.needs else {
            panic!("a binding")
        };
        plan.declared("notifier", &binding);
    }
    plan.lines
}

struct Plan {
    arguments: Arguments,
    qos: u16,
    conflict: bool,
    lines: Vec<String>,
}

impl Plan {
    fn consumed(&mut self, who: &str, bindings: &[Binding], of_stream: Option<&Arguments>) {
        let room = if self.qos > 0 { self.qos.min(ROOM) } else { 0 };
        if room > 0 {
            self.line(who, format!("qos {room}"));
        }
        for binding in bindings {
            self.declared(who, binding);
        }
        for (index, binding) in bindings.iter().enumerate() {
            let streams = of_stream.filter(|_| index == 2);
            let arguments = written(streams.unwrap_or(&self.arguments));
            let line = format!(
                "consume {} {}{arguments}",
                index + 1,
                steady(&binding.queue.name)
            );
            self.line(who, line);
        }
    }

    fn declared(&mut self, who: &str, binding: &Binding) {
        let found_less_durable = self.conflict
            && binding
                .exchange
                .as_ref()
                .is_some_and(|exchange| exchange.durable);
        if let Some(exchange) = &binding.exchange {
            self.exchange(who, exchange);
        }
        let queue = if found_less_durable {
            binding.queue.not_durable()
        } else {
            binding.queue.clone()
        };
        let flags = flags(queue.durable, queue.auto_delete);
        let name = steady(&queue.name);
        self.line(
            who,
            format!("queue {name}{flags}{}", written(&queue.arguments)),
        );
        if let Some(exchange) = &binding.exchange {
            self.line(
                who,
                format!("bind {name} {} {}", exchange.name, binding.key),
            );
        }
    }

    fn exchange(&mut self, who: &str, exchange: &Exchange) {
        let kind = match exchange.kind {
            ExchangeType::Topic => "topic",
            ExchangeType::Fanout => "fanout",
        };
        let flags = flags(exchange.durable, exchange.auto_delete);
        self.line(who, format!("exchange {} {kind}{flags}", exchange.name));
    }

    /// Repetitions are left out, as in the record.
    fn line(&mut self, who: &str, what: impl std::fmt::Display) {
        let line = format!("{who}: {what}");
        if !self.lines.contains(&line) {
            self.lines.push(line);
        }
    }
}

fn flags(durable: bool, auto_delete: bool) -> String {
    let named = [(durable, " durable"), (auto_delete, " auto_delete")];
    let set = named.iter().filter(|(set, _)| *set);
    set.map(|(_, name)| *name).collect()
}

fn written(arguments: &Arguments) -> String {
    let mut text = String::new();
    for (name, value) in arguments {
        match value {
            Argument::Int(number) => write!(text, " {name}={number}"),
            Argument::Long(number) => write!(text, " {name}={number}"),
            Argument::Timestamp(seconds) => write!(text, " {name}={seconds}"),
            Argument::Text(value) => write!(text, " {name}={value}"),
            Argument::Bool(flag) => write!(text, " {name}={flag}"),
        }
        .unwrap();
    }
    text
}

/// The name with its random part left out.
fn steady(name: &str) -> String {
    match name.rsplit_once('_') {
        Some((start, id)) if id.len() == 32 => format!("{start}_<id>"),
        _ => name.to_owned(),
    }
}

#[tokio::test]
async fn sixteen_option_sets_lead_to_what_the_peer_declares() {
    let locks = TempFolder::new();
    let sets = sets();
    assert_eq!(sets.len(), 16);
    for set in &sets {
        let conflict = set.name == "conflict";
        // The one name that is not random is counted for all of the machine.
        let process = format!("golden-{}", std::process::id());
        let mut query = set.options.replace("nova-api", &process);
        if query.contains("rabbit_stream_fanout") {
            // Where the peer begins; here that is an option, because old casts run once more.
            query.push_str(" bergen_stream_offset=last");
        }
        let planned = plan(&settings(&query, &locks.0), conflict).await;
        let planned: Vec<_> = planned
            .iter()
            .map(|line| line.replace(&process, "nova-api"))
            .collect();
        let _ = std::fs::remove_file(format!("/dev/shm/node1_{process}_qmanager"));
        assert_eq!(planned, set.lines, "[{}] {}", set.name, set.options);
    }
}

/// The comparison can fail: with another set's options every set differs from what is on record for it, unless the
/// options show nowhere in it.
#[tokio::test]
async fn sets_are_told_apart() {
    let locks = TempFolder::new();
    let default = plan(&settings("", &locks.0), false).await;
    for set in sets() {
        let shows_nothing = set.name == "default";
        assert_eq!(default == set.lines, shows_nothing, "{}", set.name);
    }
}

/// A folder that ends with the test.
struct TempFolder(std::path::PathBuf);

impl TempFolder {
    fn new() -> Self {
        let name = format!(
            "bergen-topology-{}-{}",
            std::process::id(),
            fastrand::u64(..)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
