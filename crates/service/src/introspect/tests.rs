use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bergen_config::{Configuration, Kind, OptionDef};
use serde_json::json;

use super::{
    BoundedLines, CallInFlight, ConnectionSnapshot, Door, INTROSPECTION_OPTIONS, Introspection,
    MessagingSnapshot, Observer, Package, RpcServerSnapshot, Settings,
};
use crate::{StartOptions, TaskGroup};

static SECRETS: &[OptionDef] = &[
    OptionDef::new("DEFAULT", "transport_url", Kind::Text).secret(),
    OptionDef::new("database", "max_retries", Kind::any_int()).default("10"),
];

/// A process with something of everything, of which a peer has chosen the names.
pub(crate) fn observer(options: &[(&str, &str)]) -> Observer {
    let introspection =
        Introspection::new(Package::new("OpenStack Nova", "29.0.0").vendor("Example"));
    introspection.add_messaging("nova", || {
        let mut connection = ConnectionSnapshot::new("rabbit at 127.0.0.1:5672", "connected");
        connection
            .details
            .insert("consumers".to_owned(), "3".to_owned());
        let mut server = RpcServerSnapshot::new("nova compute host-1");
        server.queues.push("compute.host-1".to_owned());
        server.limit = Some(64);
        let age = Duration::from_millis(1500);
        server
            .calls
            .push(CallInFlight::new("build\u{1b}[2J", Some("req-1\n"), age));
        MessagingSnapshot {
            connections: vec![connection],
            servers: vec![server],
        }
    });
    introspection.add_section(
        "Hypervisor",
        || json!({ "driver": "libvirt", "hosts": [{ "name": "one" }] }),
    );
    let mut builder = Configuration::builder()
        .declare(INTROSPECTION_OPTIONS)
        .declare(SECRETS)
        .set(
            "DEFAULT",
            "transport_url",
            "rabbit://nova:geheim@127.0.0.1/",
        );
    for (name, value) in options {
        let (group, name) = name.split_once('.').unwrap_or(("DEFAULT", name));
        builder = builder.set(group, name, *value);
    }
    Observer::new(introspection, builder.load().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_has_tasks_timers_and_messaging() {
    let observer = observer(&[]);
    let group = TaskGroup::new();
    observer.introspection.add_tasks("compute", &group);
    group.spawn("poll", std::future::pending()).await;
    let every = Duration::from_secs(10);
    group.add_timer("report", every, StartOptions::default(), || {
        std::future::pending()
    });
    tokio::time::sleep(Duration::from_secs(3)).await;
    let snapshot = observer.snapshot();
    assert_eq!(snapshot.tasks[0].name, "poll");
    assert_eq!(snapshot.tasks[0].age, Duration::from_secs(3));
    assert_eq!(snapshot.timers[0].interval, Some(every));
    assert_eq!(snapshot.timers[0].until_next_run, None, "it runs");
    let json = serde_json::to_value(&snapshot).unwrap();
    assert_eq!(json["tasks"][0]["age"], 3.0);
    assert_eq!(json["servers"][0]["calls"][0]["request_id"], "req-1\n");
    assert_eq!(
        serde_json::from_value::<super::ProcessSnapshot>(json).unwrap(),
        snapshot
    );
    group.stop(false).await;
}

#[test]
fn what_is_added_again_replaces_and_what_is_removed_is_gone() {
    let introspection = Introspection::new(Package::new("one", "1"));
    let looks = std::sync::Arc::new(AtomicUsize::new(0));
    for _ in 0..3 {
        let looks = std::sync::Arc::clone(&looks);
        introspection.add_messaging("nova", move || {
            looks.fetch_add(1, Ordering::Relaxed);
            MessagingSnapshot::default()
        });
    }
    introspection.snapshot();
    assert_eq!(looks.load(Ordering::Relaxed), 1);
    introspection.remove("nova");
    introspection.snapshot();
    assert_eq!(looks.load(Ordering::Relaxed), 1);
}

#[test]
fn a_source_may_use_the_register() {
    let introspection = Introspection::new(Package::new("one", "1"));
    let inside = introspection.clone();
    introspection.add_messaging("nova", move || {
        inside.remove("nova");
        MessagingSnapshot::default()
    });
    introspection.snapshot();
    assert!(!format!("{introspection:?}").contains("nova"));
}

#[test]
fn a_peers_names_are_cut() {
    let long = "é".repeat(100_000);
    let call = CallInFlight::new(&long, Some(&long), Duration::ZERO);
    assert_eq!(call.method.chars().count(), CallInFlight::TEXT_LIMIT);
    assert_eq!(
        call.request_id.unwrap().chars().count(),
        CallInFlight::TEXT_LIMIT
    );
}

#[test]
fn a_time_that_is_none_is_refused() {
    for age in ["-1.0", "1e300", "\"1\""] {
        let json = format!(r#"{{"method": "a", "request_id": null, "age": {age}}}"#);
        serde_json::from_str::<CallInFlight>(&json).unwrap_err();
    }
}

#[test]
fn without_a_way_to_the_log_level_it_says_so() {
    let introspection = Introspection::new(Package::new("one", "1"));
    introspection.log_level(None).unwrap_err();
    introspection.on_log_level(|new| match new {
        Some("loud") => Err("no such level".to_owned()),
        new => Ok(new.unwrap_or("info").to_owned()),
    });
    assert_eq!(introspection.log_level(None).unwrap(), "info");
    assert_eq!(introspection.log_level(Some("debug")).unwrap(), "debug");
    introspection.log_level(Some("loud")).unwrap_err();
}

#[test]
fn paths_of_sockets_name_program_and_process() {
    let observer = observer(&[
        ("bergen_control_socket", "/run/bergen/{name}.{pid}"),
        ("backdoor_socket", ""),
    ]);
    let settings = Settings::new(&observer.configuration.options(), "nova-compute");
    let expected = format!("/run/bergen/nova-compute.{}", std::process::id());
    assert_eq!(settings.control_socket.unwrap().to_str(), Some(&*expected));
    assert_eq!(settings.backdoor_socket, None, "an empty path is none");
    assert_eq!(settings.report_file_interval, Duration::from_secs(1));
}

#[test]
fn options_that_a_program_does_not_declare_are_unset() {
    let configuration = Configuration::builder().load().unwrap();
    let settings = Settings::new(&configuration.options(), "nova");
    assert_eq!(settings.backdoor_port, None);
    assert_eq!(settings.control_socket, None);
    assert_eq!(settings.report_file, None);
}

#[tokio::test]
async fn lines_are_bounded() {
    let input: &[u8] = b"one\r\n\n12345678\n\xff\nlast";
    let mut lines = BoundedLines::new(input, 8);
    for expected in ["one", "", "12345678", "\u{fffd}", "last"] {
        assert_eq!(lines.next().await.unwrap().as_deref(), Some(expected));
    }
    assert_eq!(lines.next().await.unwrap(), None);
    let mut lines = BoundedLines::new(b"123456789\n".as_slice(), 8);
    lines.next().await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn beyond_the_limit_connections_are_closed() {
    let (sender, receiver) = tokio::sync::mpsc::channel(100);
    let receiver = tokio::sync::Mutex::new(receiver);
    let accept = || async {
        let next = receiver.lock().await.recv().await;
        match next {
            Some(connection) => Ok(connection),
            None => std::future::pending().await,
        }
    };
    let serving = Door::new().serve(
        accept,
        |connection: tokio::sync::oneshot::Sender<()>| async move {
            let _open = connection;
            std::future::pending::<()>().await;
        },
    );
    let mut closed = Vec::new();
    for _ in 0..20 {
        let (connection, end) = tokio::sync::oneshot::channel();
        sender.send(connection).await.unwrap();
        closed.push(end);
    }
    let _ = tokio::time::timeout(Duration::from_secs(1), serving).await;
    let closed = closed.iter_mut().filter_map(|end| end.try_recv().err());
    let closed = closed.filter(|end| *end == tokio::sync::oneshot::error::TryRecvError::Closed);
    assert_eq!(closed.count(), 12);
}
