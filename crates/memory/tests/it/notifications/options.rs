//! Notifiers as a configuration file describes them.

use bergen_config::file::ConfigFile;
use bergen_messaging::driver::Retry;
use bergen_messaging::notify::{Notifier, NotifierError};
use bergen_messaging::options::defaults;
use bergen_messaging::wire::Context;

use super::*;
use crate::{notifications, url};

fn notifier(transport: &NotificationTransport, lines: &str) -> Result<Notifier, NotifierError> {
    let text = format!("[oslo_messaging_notifications]\n{lines}\n");
    let mut options = defaults();
    options
        .load(&ConfigFile::parse("nova.conf", &text).unwrap())
        .unwrap();
    Notifier::from_options(&options, transport, "a")
}

/// The types of the events that reach these topics.
async fn reach(transport: &NotificationTransport, topics: &[&str]) -> Vec<usize> {
    let mut found = Vec::new();
    for topic in topics {
        found.push(left(transport, topic, "info").await.len());
    }
    found
}

#[tokio::test(start_paused = true)]
async fn each_driver_sends_once_to_each_topic() {
    let transport = notifications(&url());
    let lines = "driver = messagingv2\ndriver = messagingv2\ndriver = log\ndriver = nova.notifier.Gone\ntopics = t, u";
    let notifier = notifier(&transport, lines).unwrap();
    assert!(notifier.is_enabled());
    let ctxt = Context::default();
    notifier.info(&ctxt, "x", &()).await.unwrap();
    assert_eq!(
        reach(&transport, &["t", "u", "notifications"]).await,
        [1, 1, 0]
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_driver_nothing_is_sent() {
    let transport = notifications(&url());
    for lines in ["", "driver = noop"] {
        let notifier = notifier(&transport, lines).unwrap();
        assert!(!notifier.is_enabled(), "{lines}");
        notifier.info(&Context::default(), "x", &()).await.unwrap();
    }
    assert_eq!(reach(&transport, &["notifications"]).await, [0]);
}

#[tokio::test(start_paused = true)]
async fn routing_rules_name_the_drivers() {
    let transport = notifications(&url());
    let file = std::env::temp_dir().join(format!("bergen-notifier-{}.yaml", std::process::id()));
    let rules = "bus:\n  messagingv2:\n    accepted_events: ['compute.*']\n";
    std::fs::write(&file, rules).unwrap();
    let lines = format!("driver = routing\nrouting_config = {}", file.display());
    let routed = notifier(&transport, &lines).unwrap();
    for event_type in ["compute.create", "volume.create"] {
        let ctxt = Context::default();
        routed.info(&ctxt, event_type, &()).await.unwrap();
    }
    assert_eq!(reach(&transport, &["notifications"]).await, [1]);
    let others = "bus:\n  messaging:\n    accepted_events: ['volume.*']\n";
    std::fs::write(&file, others).unwrap();
    routed.reload().unwrap();
    std::fs::remove_file(&file).unwrap();
    for event_type in ["compute.create", "compute.delete", "volume.create"] {
        let ctxt = Context::default();
        routed.info(&ctxt, event_type, &()).await.unwrap();
    }
    assert_eq!(reach(&transport, &["notifications"]).await, [1]);
    let unread = routed.reload();
    assert!(
        matches!(unread, Err(NotifierError::Routing(_))),
        "{unread:?}"
    );
    let gone = notifier(&transport, &lines);
    assert!(matches!(gone, Err(NotifierError::Routing(_))), "{gone:?}");
}

#[test]
fn retries_are_those_of_the_file_and_for_ever_without() {
    let transport = notifications(&url());
    let retry = |lines| notifier(&transport, lines).unwrap().retry();
    assert_eq!(retry(""), Retry::Forever);
    assert_eq!(retry("retry = -1"), Retry::Forever);
    assert_eq!(retry("retry = 0"), Retry::Times(0));
    assert_eq!(retry("retry = 3"), Retry::Times(3));
}
