use super::super::TestDriver;
use super::*;
use crate::notify::Notification;
use crate::wire::RawJson;

const RULES: &str = r"
group_1:
  rpc:
    accepted_events:
      - foobar.*
      - snafu.*
    accepted_priorities: [warn]
  rpc2:
    accepted_events: ['foobar.**']
group_2:
  rpc:
    accepted_events: [foobar.*]
    accepted_priorities: [WARN, INFO]
  everything:
  nothing:
    accepted_events: []
";

fn accepting(event_type: &str, priority: Priority) -> Vec<String> {
    let routing = RoutingDriver::new(RoutingRules::parse(RULES).unwrap());
    let accepting = routing.accepting(event_type, priority);
    accepting.into_iter().collect()
}

#[test]
fn lists_of_a_driver_must_all_match_and_groups_add_up() {
    let none = ["everything"];
    assert_eq!(accepting("unknown", Priority::Warn), none);
    assert_eq!(
        accepting("foobar.a", Priority::Critical),
        ["everything", "rpc2"]
    );
    assert_eq!(
        accepting("foobar.a", Priority::Info),
        ["everything", "rpc", "rpc2"]
    );
    assert_eq!(accepting("snafu.a", Priority::Warn), ["everything", "rpc"]);
    assert_eq!(accepting("snafu.a", Priority::Info), none);
}

#[test]
fn what_is_no_routing_file_is_refused_with_the_place() {
    let wrong = RoutingRules::parse("a:\n  log: 5\n")
        .unwrap_err()
        .to_string();
    assert!(wrong.contains("line 2"), "{wrong}");
    let wrong = RoutingRules::parse("a:\n  log:\n    accepted_events: ['a[b']\n");
    let wrong = wrong.unwrap_err().to_string();
    assert!(
        wrong.starts_with(r#"group "a", driver "log": "a[b""#),
        "{wrong}"
    );
    assert_eq!(RoutingRules::parse("").unwrap(), RoutingRules::default());
    let missing = RoutingDriver::from_file("/nowhere/routing.yaml").unwrap_err();
    assert!(
        missing.to_string().contains("/nowhere/routing.yaml"),
        "{missing}"
    );
}

#[tokio::test]
async fn events_go_to_the_drivers_that_accept_them_once_each() {
    let (rpc, everything) = (TestDriver::default(), TestDriver::default());
    let routing = RoutingDriver::new(RoutingRules::parse(RULES).unwrap())
        .driver("rpc", rpc.clone())
        .driver("everything", everything.clone());
    assert_eq!(routing.missing(), ["nothing", "rpc2"]);
    routing
        .notify(&event("snafu.b", Priority::Warn))
        .await
        .unwrap();
    routing
        .notify(&event("other", Priority::Warn))
        .await
        .unwrap();
    assert_eq!(rpc.events().len(), 1);
    assert_eq!(everything.events().len(), 2);
    let failed = routing
        .notify(&event("foobar.b", Priority::Warn))
        .await
        .unwrap_err();
    assert!(failed.to_string().contains("rpc2"), "{failed}");
    assert_eq!(rpc.events().len(), 2, "the others have it all the same");
}

#[tokio::test]
async fn a_file_can_be_read_again_and_a_broken_one_changes_nothing() {
    let file = std::env::temp_dir().join(format!("bergen-routing-{}.yaml", std::process::id()));
    std::fs::write(&file, "a:\n  test:\n    accepted_events: [one]\n").unwrap();
    let seen = TestDriver::default();
    let routing = RoutingDriver::from_file(&file)
        .unwrap()
        .driver("test", seen.clone());
    routing.notify(&event("two", Priority::Info)).await.unwrap();
    assert!(seen.take().is_empty());
    std::fs::write(&file, "a:\n  test:\n    accepted_events: [two]\n").unwrap();
    routing.reload().unwrap();
    routing.notify(&event("two", Priority::Info)).await.unwrap();
    assert_eq!(seen.take().len(), 1);
    std::fs::write(&file, "a: [").unwrap();
    routing.reload().unwrap_err();
    routing.notify(&event("two", Priority::Info)).await.unwrap();
    assert_eq!(seen.take().len(), 1);
    std::fs::remove_file(&file).unwrap();
}

fn event(event_type: &str, priority: Priority) -> Event {
    let notification = Notification::new("test", event_type, priority, RawJson::null());
    Event::new(notification, priority)
}
