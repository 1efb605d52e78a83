use super::*;
use crate::objects::nova::Service;
use crate::objects::{Field, NOVA, ReadOnly, SerialNamespace};

fn service(data: &str, version: &str) -> Result<Service, ObjectError> {
    let mut envelope = Envelope::new(NOVA, "Service", version.parse()?);
    let data = RawJson::parse(data).unwrap();
    envelope.data = data
        .members()
        .map(|(name, value)| (name.to_string(), value))
        .collect();
    envelope.changes = BTreeSet::from(["host".to_owned(), "unknown".to_owned()]);
    Service::from_envelope(envelope)
}

#[test]
fn reading_marks_what_the_message_says_and_keeps_unknown_fields_aside() {
    let read = service(r#"{"host": null, "id": 1, "mood": "fine"}"#, "1.22").unwrap();
    assert_eq!(read.what_changed(), BTreeSet::from(["host"]));
    assert_eq!(read.header().unknown()["mood"].as_str(), r#""fine""#);
    let written = read.to_envelope().unwrap();
    assert_eq!(written.data.keys().collect::<Vec<_>>(), ["host", "id"]);
    assert_eq!(written.changes, BTreeSet::from(["host".to_owned()]));
}

#[test]
fn null_becomes_the_default_or_leaves_a_field_unset() {
    let read = service(r#"{"deleted": null, "disabled": null}"#, "1.22").unwrap();
    assert_eq!(read.deleted.get(), Some(&false));
    assert!(!read.disabled.is_set() && read.what_changed().is_empty());
}

#[test]
fn a_value_that_does_not_fit_is_named_by_class_and_field() {
    let error = service(r#"{"report_count": "many"}"#, "1.22").unwrap_err();
    assert_eq!(
        error.to_string(),
        "Service.report_count: it should be an integer of 64 bits, not this text"
    );
}

#[test]
fn versions_that_the_class_does_not_read_are_incompatible() {
    assert_eq!(service("{}", "1.22.1").unwrap().version(), (1, 22).into());
    for version in ["1.23", "2.0"] {
        assert_eq!(
            service("{}", version).unwrap_err().to_string(),
            format!("Version {version} of Service is not supported, supported version is 1.22")
        );
    }
    let other = Envelope::new(NOVA, "Migration", (1, 0).into());
    assert_eq!(
        Service::from_envelope(other).unwrap_err().to_string(),
        "Unsupported object type Migration"
    );
}

const LAMPS: SerialNamespace = SerialNamespace::new("versioned_object", "lamps");

#[derive(Debug, Clone, PartialEq, Default, crate::objects::VersionedObject)]
#[object(name = "Lamp", version = "1.2", namespace = LAMPS, crate = crate)]
struct Lamp {
    #[object(header)]
    header: Header,
    id: ReadOnly<i64>,
    #[object(name = "type", default = "bulb".to_owned())]
    kind: Field<String>,
}

#[test]
fn defaults_set_what_is_unset_and_mark_it() {
    let lamp = Lamp::default().with_defaults();
    assert_eq!(lamp.kind.get().map(String::as_str), Some("bulb"));
    assert_eq!(lamp.what_changed(), BTreeSet::from(["type"]));
    let mut lamp = Lamp::default();
    lamp.kind.set("tube".to_owned());
    assert_eq!(
        lamp.with_defaults().kind.get().map(String::as_str),
        Some("tube")
    );
}
