use super::*;
use crate::options::defaults;

fn config(url: &str) -> DriverConfig {
    DriverConfig {
        url: url.parse().unwrap(),
        kind: TransportKind::Rpc,
        control_exchange: "openstack".to_owned(),
        options: defaults(),
    }
}

/// A registry whose drivers can't be made, and say their name instead.
fn registry(schemes: &[&'static str]) -> DriverRegistry {
    let mut registry = DriverRegistry::empty();
    for scheme in schemes.iter().copied() {
        registry.register(scheme, move |_: DriverConfig| {
            Err(DriverError::Unsupported {
                driver: scheme.to_owned(),
                operation: "tests",
            })
        });
    }
    registry
}

fn created(registry: &DriverRegistry, url: &str) -> String {
    match registry.create(config(url)).map(|_| ()) {
        Err(DriverError::Unsupported { driver, .. }) => driver,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_scheme_before_the_plus_picks_the_driver() {
    let registry = registry(&["rabbit", "memory"]);
    assert_eq!(created(&registry, "rabbit://"), "rabbit");
    assert_eq!(created(&registry, "RABBIT://"), "rabbit");
    assert_eq!(created(&registry, "rabbit+pyamqp://"), "rabbit");
    assert_eq!(created(&registry, "memory+x://"), "memory");
}

#[test]
fn old_names_lead_to_their_drivers() {
    let registry = registry(&["rabbit"]);
    assert_eq!(created(&registry, "kombu://"), "rabbit");
    for old in [
        "neutron.rpc.impl_kombu",
        "nova.rpc.impl_kombu",
        "nova.openstack.common.rpc.impl_kombu",
    ] {
        assert_eq!(registry.resolve(old), "rabbit", "{old}");
    }
}

#[test]
fn a_program_adds_and_overrides_aliases() {
    let mut registry = registry(&["rabbit", "mine"]);
    registry.alias("Kombu", "Mine");
    assert_eq!(created(&registry, "kombu://"), "mine");
    registry.alias("rabbit", "mine");
    assert_eq!(
        created(&registry, "rabbit://"),
        "rabbit",
        "a driver's own name is no alias"
    );
}

#[test]
fn an_unknown_driver_is_named_with_those_that_are_known() {
    let error = registry(&["rabbit", "memory"])
        .create(config("amqp://"))
        .map(|_| ())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "no driver is called \"amqp\"; known are memory, rabbit"
    );
}

#[test]
fn the_rabbit_driver_is_there_by_default() {
    assert!(
        DriverRegistry::default()
            .schemes()
            .any(|scheme| scheme == "rabbit")
    );
}
