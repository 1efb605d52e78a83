use crate::objects::VersionedObject;
use crate::objects::nova::{Service, ServiceList};

#[test]
fn a_manifest_names_every_class_that_can_be_inside() {
    let manifest = ServiceList::definition().manifest();
    let texts: Vec<_> = manifest
        .iter()
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    assert_eq!(
        texts,
        [
            "ComputeNode 1.19",
            "HVSpec 1.2",
            "PciDevicePool 1.1",
            "PciDevicePoolList 1.1",
            "Service 1.22",
            "ServiceList 1.19"
        ]
    );
    assert!(!Service::definition().manifest().contains_key("ServiceList"));
}
