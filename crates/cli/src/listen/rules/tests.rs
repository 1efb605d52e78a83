use bergen::notify::{Notification, Priority};
use bergen::wire::RawJson;

use super::*;

fn event() -> Notification {
    let payload = RawJson::parse(r#"{"instance": {"state": "active"}, "a=b": "c"}"#).unwrap();
    let mut event = Notification::new(
        "compute.host-1",
        "compute.create.end",
        Priority::Info,
        payload,
    );
    event.context.insert("project_id", "p1").unwrap();
    event
}

fn matches(words: &[&str]) -> bool {
    let rules = words.iter().map(|word| Rule::parse(word).unwrap());
    Rules::new(rules).unwrap().matches(&event())
}

#[test]
fn all_rules_must_be_met() {
    assert!(matches(&[]));
    let met = [
        r"event_type=compute\.",
        "publisher_id=compute",
        "context.project_id=p1$",
        "payload.instance.state=act",
        "metadata.timestamp=2",
    ];
    assert!(matches(&met));
    for missed in [
        "event_type=create",
        "payload.instance.host=",
        "payload.state=active",
    ] {
        assert!(!matches(&[met.as_slice(), &[missed]].concat()), "{missed}");
    }
}

#[test]
fn mistakes_say_the_way_out() {
    for (word, part) in [
        ("event_type", "FIELD=REGEX"),
        ("event=x", "no field event"),
        ("payload=x", "payload.KEY"),
        ("payload.=x", "a key is missing"),
        ("context.a..b=x", "a key is missing"),
        ("metadata.size=1", "no field metadata.size"),
        ("event_type=(", "event_type"),
    ] {
        let error = Rule::parse(word).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}
