//! Versioned objects and contexts beside oslo.versionedobjects and oslo.context: random objects with every type of
//! field go both ways and stay what they are, older versions are the library's, and so are manifests.

mod classes;
mod contexts;
mod random;

use std::collections::BTreeSet;
use std::time::Duration;

use bergen::prelude::*;
use bergen::rpc::{DynamicEndpoint, MethodError, PreparedClient};
use bergen::target::EndpointTarget;
use bergen::wire::{Context, RawJson};
use bergen_interop::{Client, transport};
use bergen_openstack::objects::{Envelope, Manifest, Version, VersionedObject};
use bergen_testbed::{PythonPeer, TestVhost};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use classes::{Kind, neutron, nova};
use random::Maker;

/// The service of Python, and that of Rust.
const THEIRS: &str = "objects";
const OURS: &str = "typed-objects";

/// How many random objects of each kind a test sends.
const ROUNDS: u64 = 60;

struct Python {
    vhost: TestVhost,
    peer: PythonPeer,
    client: PreparedClient,
}

impl Python {
    async fn start(test: &str, project: &str) -> Self {
        let vhost = TestVhost::new(test).await.unwrap();
        let options =
            json!({"url": vhost.url(), "topic": THEIRS, "server": "host-1", "project": project});
        let peer = PythonPeer::start("versioned_objects.py", &options).await;
        let client = Client::of(&vhost.url(), THEIRS).unwrap().prepare();
        Self {
            vhost,
            peer: peer.unwrap(),
            client: client.timeout(Duration::from_secs(15)),
        }
    }

    async fn call<T: DeserializeOwned + 'static>(
        &self,
        method: &str,
        args: &(impl Serialize + ?Sized),
    ) -> T {
        let result = self
            .client
            .call(&Context::default(), method.to_owned(), args);
        result
            .await
            .unwrap_or_else(|error| panic!("{method}: {error}"))
    }
}

/// JSON with what has no order in order: changes, and the set of numbers.
fn ordered(json: &(impl Serialize + ?Sized)) -> Value {
    fn sort(value: &mut Value) {
        match value {
            Value::Array(elements) => elements.iter_mut().for_each(sort),
            Value::Object(members) => {
                for (key, value) in members {
                    sort(value);
                    if let Some(elements) = value.as_array_mut()
                        && (key == "numbers" || key.ends_with(".changes"))
                    {
                        elements.sort_by_key(ToString::to_string);
                    }
                }
            }
            _ => {}
        }
    }
    let mut value = RawJson::encode(json).unwrap().decode().unwrap();
    sort(&mut value);
    value
}

/// Python's objects in types and back, and Rust's objects in Python and back.
async fn go_both_ways<T: Kind>(test: &str, project: &str) {
    let python = Python::start(test, project).await;
    let mut fields_seen = BTreeSet::new();
    for seed in 0..ROUNDS {
        let theirs: RawJson = python.call("random", &json!({"seed": seed})).await;
        let typed: T = theirs
            .decode()
            .unwrap_or_else(|error| panic!("{theirs}: {error}"));
        assert_eq!(ordered(&typed), ordered(&theirs), "seed {seed}");
        let opaque: Envelope = theirs.decode().unwrap();
        assert_eq!(ordered(&opaque), ordered(&theirs), "seed {seed}");
        fields_seen.extend(opaque.data.into_keys());

        let ours = T::random(&mut Maker::new(seed));
        let back: RawJson = python.call("echo", &json!({"obj": ours})).await;
        assert_eq!(ordered(&back), ordered(&ours), "seed {seed}");
    }
    assert_eq!(fields_seen.len(), T::definition().fields.len());
}

#[tokio::test]
async fn random_objects_of_nova_go_both_ways() {
    go_both_ways::<nova::Everything>("objects-nova", "nova").await;
}

#[tokio::test]
async fn random_objects_of_neutron_go_both_ways() {
    go_both_ways::<neutron::Everything>("objects-neutron", "neutron").await;
}

#[tokio::test]
async fn pythons_objects_pass_through_a_method_in_rust() {
    let python = Python::start("objects-method", "nova").await;
    let endpoint = DynamicEndpoint::new(EndpointTarget::new()).method("take", |call| async move {
        let arguments: std::collections::BTreeMap<String, nova::Everything> = call
            .arguments
            .decode()
            .map_err(|error| MethodError::type_error(error.to_string()))?;
        Ok::<_, MethodError>(arguments.into_values().next())
    });
    let transport = transport(&python.vhost.url()).unwrap();
    let server = RpcServer::builder(&transport, ServerTarget::new(OURS, "host-1"))
        .endpoint(endpoint)
        .build();
    server.start().await.unwrap();
    for seed in 0..20 {
        let command = json!({"op": "call", "topic": OURS, "method": "take", "seed": seed});
        let answer = python.peer.request(command).await.unwrap();
        assert_eq!(
            ordered(&answer["got"]),
            ordered(&answer["sent"]),
            "seed {seed}"
        );
        assert!(answer["sent"].is_object(), "{answer}");
    }
    server.stop().await.unwrap();
    server.wait().await.unwrap();
}

/// The library leaves names of removed fields in the changes of objects in objects.
fn without_gone_changes(mut value: Value) -> Value {
    fn clean(value: &mut Value) {
        match value {
            Value::Array(elements) => elements.iter_mut().for_each(clean),
            Value::Object(members) => {
                let data = members.get("nova_object.data").cloned();
                if let (Some(data), Some(changes)) = (data, members.get_mut("nova_object.changes"))
                {
                    let names = changes.as_array_mut().unwrap();
                    names.retain(|name| data.get(name.as_str().unwrap()).is_some());
                    if names.is_empty() {
                        members.remove("nova_object.changes");
                    }
                }
                members.values_mut().for_each(clean);
            }
            _ => {}
        }
    }
    clean(&mut value);
    value
}

#[tokio::test]
async fn older_versions_are_the_librarys() {
    let python = Python::start("objects-backport", "nova").await;
    let of = |text: &str| -> Version { text.parse().unwrap() };
    let manifest = |names: &[(&str, &str)]| -> Manifest {
        let names = names.iter();
        names
            .map(|(name, version)| ((*name).to_owned(), of(version)))
            .collect()
    };
    let manifests = [
        None,
        Some(manifest(&[
            ("Everything", "1.2"),
            ("Child", "1.0"),
            ("ChildList", "1.0"),
        ])),
        Some(manifest(&[("Child", "1.1")])),
        Some(manifest(&[("ChildList", "1.1")])),
    ];
    for seed in 0..8 {
        let object = nova::Everything::random(&mut Maker::new(seed));
        for target in ["1.5", "1.4", "1.3", "1.2", "1.1", "1.0"] {
            for manifest in &manifests {
                let args = json!({"obj": object, "target": target, "manifest": manifest});
                let theirs: RawJson = python.call("backport", &args).await;
                let ours = object.backported(of(target), manifest.as_ref()).unwrap();
                assert_eq!(
                    ordered(&ours),
                    without_gone_changes(ordered(&theirs)),
                    "seed {seed}, {target}, {manifest:?}"
                );
            }
        }
    }
    let theirs: Manifest = python
        .call("manifest", &json!({"name": "Everything"}))
        .await;
    assert_eq!(nova::Everything::definition().manifest(), theirs);
}
