//! What peers send as versioned objects and contexts.

use bergen_messaging::wire::{Context, RawJson};
use bergen_openstack::context::RequestContext;
use bergen_openstack::objects::{Envelope, NOVA, VersionedObject, neutron, nova};

/// An object: opaque, typed, checked, brought to older versions, merged; and a context of the same members.
pub fn object(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(json) = RawJson::parse(text) else {
        return;
    };
    if let Ok(envelope) = Envelope::read_any(&json) {
        let written = envelope.to_json().expect("what was read can be written");
        let again = Envelope::read(&written, &envelope.namespace);
        assert_eq!(again.as_ref(), Ok(&envelope));
    }
    let _ = nova::registry().check(&json);
    if Envelope::is_one(&json, &NOVA) {
        typed::<nova::ServiceList>(&json);
        typed::<nova::Service>(&json);
        typed::<nova::ComputeNode>(&json);
    }
    typed::<neutron::Agent>(&json);

    let mut service = nova::Service::default();
    let _ = service.merge(&json);
    let mut context = Context::default();
    for (key, value) in json.members() {
        context.insert_raw(key, value);
    }
    let read = RequestContext::from_wire(&context);
    let again = RequestContext::from_wire(&read.to_wire());
    assert_eq!(read.request_id, again.request_id);
    assert_eq!(read.roles, again.roles);
}

/// What a class takes is written as something that it takes again as the same.
fn typed<T: VersionedObject + PartialEq + std::fmt::Debug>(json: &RawJson) {
    let read = Envelope::read(json, &T::definition().namespace).and_then(T::from_envelope);
    let Ok(object) = read else {
        return;
    };
    // A text may hold what no JSON can: then it is not written.
    let Ok(envelope) = object.to_envelope() else {
        return;
    };
    let _ = object.backported((1, 0).into(), Some(&T::definition().manifest()));
    let _ = object.backported((1, 0).into(), None);
    let again = T::from_envelope(envelope.clone()).and_then(|object| object.to_envelope());
    assert_eq!(again, Ok(envelope));
}
