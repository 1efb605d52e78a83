use bergen_messaging::wire::RawJson;

use super::*;
use crate::objects::{Envelope, NEUTRON, VersionedObject};

const AGENT: &str = r#"{"versioned_object.name": "Agent", "versioned_object.namespace": "versionedobjects",
    "versioned_object.version": "1.1", "versioned_object.data": {
    "id": "2f7d8ee1-5a5c-4a7e-9c9e-0e6d7ea1f1a2", "agent_type": "L3 agent", "binary": "neutron-l3-agent",
    "topic": "l3_agent", "host": "h", "availability_zone": "nova", "admin_state_up": true,
    "started_at": "2026-08-21T10:00:00Z", "created_at": "2026-08-21T10:00:00Z",
    "heartbeat_timestamp": "2026-08-21T10:00:00Z", "description": null,
    "configurations": "{\"a\": 1, \"b\": [1, 2]}", "resource_versions": null, "load": 0, "resources_synced": null}}"#;

#[test]
fn an_agent_is_read_and_written_the_same() {
    let json = RawJson::parse(AGENT).unwrap();
    let agent: Agent = json.decode().unwrap();
    let configurations = &agent.configurations.get().unwrap().as_ref().unwrap().0;
    assert_eq!(configurations["a"].as_str(), "1");
    let written = RawJson::encode(&agent).unwrap();
    assert!(written.json_eq(&json), "{written}");
}

#[test]
fn an_absent_field_reads_as_its_default_and_is_no_change() {
    let envelope = Envelope::new(NEUTRON, "Agent", (1, 0).into());
    let agent = Agent::from_envelope(envelope).unwrap();
    assert_eq!(agent.admin_state_up.get(), Some(&true));
    assert_eq!(agent.load.get(), Some(&0));
    assert!(agent.what_changed().is_empty() && !agent.host.is_set());
    assert_eq!(registry().manifest("Agent").unwrap().len(), 1);
}
