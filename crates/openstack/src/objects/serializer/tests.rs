use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::objects::nova;

fn service(version: &str) -> RawJson {
    RawJson::parse(format!(
        r#"{{"nova_object.name":"Service","nova_object.namespace":"nova","nova_object.version":"{version}","nova_object.data":{{}}}}"#
    ))
    .unwrap()
}

/// Answers everything with the same object.
struct Stubborn(RawJson, Arc<AtomicUsize>);

impl Backporter for Stubborn {
    fn backport<'a>(
        &'a self,
        _: &'a Context,
        _: &'a Envelope,
        _: &'a Manifest,
    ) -> BoxFuture<'a, Result<Envelope, CallError>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { Ok(Envelope::read_any(&self.0).unwrap()) })
    }
}

async fn receive(serializer: &ObjectSerializer, json: RawJson) -> Result<RawJson, ReceiveError> {
    serializer.receive(&Context::default(), json).await
}

#[tokio::test]
async fn without_a_backporter_newer_objects_are_refused() {
    let serializer = ObjectSerializer::new(nova::registry());
    let known = service("1.20");
    assert_eq!(receive(&serializer, known.clone()).await, Ok(known));
    let error = receive(&serializer, service("1.23")).await.unwrap_err();
    assert!(matches!(
        error,
        ReceiveError::Object(ObjectError::IncompatibleVersion { .. })
    ));
    let refused = serializer.deserialize_entity(&Context::default(), service("1.23"));
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("Version 1.23 of Service")
    );
}

#[tokio::test]
async fn what_comes_back_newer_is_not_asked_for_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let serializer = ObjectSerializer::new(nova::registry())
        .with_backporter(Stubborn(service("1.24"), Arc::clone(&asked)));
    let error = receive(&serializer, service("1.23")).await.unwrap_err();
    assert!(matches!(
        error,
        ReceiveError::Object(ObjectError::IncompatibleVersion { .. })
    ));
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_third_part_needs_no_backport() {
    let asked = Arc::new(AtomicUsize::new(0));
    let serializer = ObjectSerializer::new(nova::registry())
        .with_backporter(Stubborn(service("1.0"), Arc::clone(&asked)));
    assert!(receive(&serializer, service("1.22.1")).await.is_ok());
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}
