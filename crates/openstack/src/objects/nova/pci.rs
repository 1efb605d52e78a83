//! Pools of PCI devices.

use std::collections::BTreeMap;

use crate::objects::{Field, Header, NOVA, VersionedObject};

/// `PciDevicePool` 1.1: devices of one kind.
#[derive(Debug, Clone, PartialEq, Default, VersionedObject)]
#[object(name = "PciDevicePool", version = "1.1", namespace = NOVA, crate = crate)]
pub struct PciDevicePool {
    #[object(header)]
    header: Header,
    /// The product's id, in hex.
    pub product_id: Field<String>,
    /// The vendor's id, in hex.
    pub vendor_id: Field<String>,
    /// The NUMA node they belong to.
    #[object(since = "1.1")]
    pub numa_node: Field<Option<i64>>,
    /// What the operator says of them.
    pub tags: Field<BTreeMap<String, Option<String>>>,
    /// How many there are.
    pub count: Field<i64>,
}

/// `PciDevicePoolList` 1.1.
#[derive(Debug, Clone, PartialEq, Default, VersionedObject)]
#[object(name = "PciDevicePoolList", version = "1.1", namespace = NOVA, list, crate = crate)]
pub struct PciDevicePoolList {
    #[object(header)]
    header: Header,
    /// The pools.
    pub objects: Field<Vec<PciDevicePool>>,
}
