use super::*;
use crate::objects::{NEUTRON, NOVA};

fn json(text: &str) -> RawJson {
    RawJson::parse(text).unwrap()
}

const HV_SPEC: &str = r#"{"nova_object.name": "HVSpec", "nova_object.namespace": "nova", "nova_object.version": "1.2",
    "nova_object.data": {"arch": "x86_64", "n": 1.50}, "nova_object.changes": ["arch", "arch"]}"#;

#[test]
fn an_object_of_any_project_keeps_its_values_to_the_byte() {
    let envelope = Envelope::read_any(&json(HV_SPEC)).unwrap();
    assert_eq!(envelope.namespace, NOVA);
    assert_eq!(envelope.data["n"].as_str(), "1.50");
    assert_eq!(
        envelope.to_json().unwrap().as_str(),
        r#"{"nova_object.name":"HVSpec","nova_object.namespace":"nova","nova_object.version":"1.2","nova_object.data":{"arch":"x86_64","n":1.50},"nova_object.changes":["arch"]}"#
    );
    let other = json(
        r#"{"magnum_object.name":"Cluster","magnum_object.namespace":"magnum","magnum_object.version":"1.0","magnum_object.data":{"x":NaN}}"#,
    );
    let opaque: Envelope = other.decode().unwrap();
    assert_eq!(opaque.to_json().unwrap(), other);
}

#[test]
fn another_projects_object_is_refused_by_its_full_name() {
    let text = HV_SPEC.replace("\"nova\"", "\"cinder\"");
    assert_eq!(
        Envelope::read(&json(&text), &NOVA),
        Err(ObjectError::UnsupportedObject {
            objtype: "cinder.HVSpec".to_owned()
        })
    );
    assert!(!Envelope::is_one(&json(HV_SPEC), &NEUTRON));
}

#[test]
fn what_is_missing_or_malformed_is_named() {
    for (from, to, named) in [
        ("nova_object.namespace", "x", "nova_object.namespace"),
        ("nova_object.version", "x", "nova_object.version"),
        ("nova_object.data", "x", "nova_object.data"),
        ("\"1.2\"", "1.2", "nova_object.version"),
        ("\"1.2\"", "\"1\"", "X.Y"),
    ] {
        let error = Envelope::read(&json(&HV_SPEC.replace(from, to)), &NOVA).unwrap_err();
        assert!(error.to_string().contains(named), "{from}: {error}");
    }
    assert!(Envelope::read_any(&json("[]")).is_err());
    assert!(Envelope::read_any(&json(r#"{"a.name": 1}"#)).is_err());
}

#[test]
fn changes_that_are_no_names_are_no_changes() {
    for changes in ["null", "[1, null, {}]", "{}", "7"] {
        let text = HV_SPEC.replace(r#"["arch", "arch"]"#, changes);
        let envelope = Envelope::read(&json(&text), &NOVA).unwrap();
        assert!(envelope.changes.is_empty(), "{changes}");
    }
}

#[test]
fn values_are_not_shown() {
    let envelope = Envelope::read_any(&json(HV_SPEC)).unwrap();
    let shown = format!("{envelope:?}");
    assert!(
        shown.contains("arch") && !shown.contains("x86_64"),
        "{shown}"
    );
}

/// Each of the keys was looked for in the whole text.
#[test]
fn many_keys_that_look_like_names_are_refused_quickly() {
    let keys: Vec<String> = (0..50_000).map(|i| format!("\"{i}.name\": 1")).collect();
    let text = json(&format!("{{{}}}", keys.join(",")));
    let start = std::time::Instant::now();
    assert!(Envelope::read_any(&text).is_err());
    // Far more than it takes, and far less than it took.
    assert!(start.elapsed() < std::time::Duration::from_secs(10));
}
