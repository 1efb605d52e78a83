use super::*;
use crate::notify::Priority;

fn event() -> Notification {
    let payload = r#"{"state": "active", "size": 4, "instance": {"flavor": {"name": "m1.small"}}, "a.b": "dotted"}"#;
    let mut event = Notification::new(
        "compute.host-1",
        "compute.instance.create.end",
        Priority::Info,
        RawJson::parse(payload).unwrap(),
    );
    event.context.insert("tenant", "t-1").unwrap();
    event
        .context
        .insert("user", &serde_json::json!({"name": "ada"}))
        .unwrap();
    "2026-08-01 12:00:00.000001".clone_into(&mut event.timestamp);
    event
}

fn meets(filter: Result<Filter, FilterError>) -> bool {
    filter.unwrap().matches(&event())
}

fn all() -> Filter {
    Filter::default()
}

#[test]
fn each_field_is_matched_at_its_start() {
    assert!(all().matches(&event()));
    assert!(meets(all().event_type(r"compute\.instance")));
    assert!(!meets(all().event_type("instance")), "not at the start");
    assert!(
        !meets(all().event_type("instance|create")),
        "nor another way"
    );
    assert!(meets(all().event_type("volume|compute")));
    assert!(meets(all().event_type(".*end$")));
    assert!(!meets(all().event_type("(?m)^instance")));
    assert!(meets(all().publisher_id("compute")));
    assert!(!meets(all().publisher_id("network")));
    assert!(meets(all().context("tenant", "t-[0-9]$")));
    assert!(!meets(all().context("tenant", "t-2")));
    assert!(meets(all().metadata("timestamp", "2026-08")));
    assert!(!meets(all().metadata("message_id", "x")));
    assert!(meets(all().payload("state", "^active$")));
    assert!(!meets(all().payload("state", "act$")));
}

#[test]
fn nested_keys_are_followed_and_a_dot_is_no_path() {
    assert!(meets(all().payload(["instance", "flavor", "name"], "m1")));
    assert!(!meets(all().payload(["instance", "flavor", "name"], "m2")));
    assert!(meets(all().payload("a.b", "dotted")));
    assert!(meets(all().context(["user", "name"], "ada")));
}

#[test]
fn what_is_missing_or_no_text_meets_no_rule() {
    assert!(!meets(all().payload("size", ".*")), "a number");
    assert!(!meets(all().payload("instance", ".*")), "an object");
    assert!(!meets(all().payload("nothing", ".*")));
    assert!(!meets(all().payload(["state", "inside"], ".*")));
    assert!(!meets(all().context("nothing", ".*")));
    assert!(!meets(all().metadata("nothing", ".*")));
    let nobody = Notification {
        publisher_id: None,
        event_type: String::new(),
        ..event()
    };
    assert!(!all().publisher_id(".*").unwrap().matches(&nobody));
    assert!(!all().event_type(".*").unwrap().matches(&nobody));
}

#[test]
fn all_rules_must_be_met() {
    let filter = all().event_type("compute").unwrap();
    assert!(meets(filter.clone().payload("state", "active")));
    assert!(!meets(filter.payload("state", "deleted")));
}

#[test]
fn an_expression_that_cannot_be_read_is_refused() {
    let error = all().payload("state", "a)(b").unwrap_err();
    assert_eq!(error.field, "payload");
    assert!(error.to_string().contains("a)(b"), "{error}");
}
