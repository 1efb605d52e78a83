//! A compute node, as the conductor knows it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use bergen_messaging::wire::convert::DateTime;

use super::PciDevicePoolList;
use crate::objects::{Field, Header, NOVA, ReadOnly, VersionedObject};

/// `ComputeNode` 1.19. Texts that are JSON stay texts.
#[derive(Debug, Clone, PartialEq, Default, VersionedObject)]
#[object(name = "ComputeNode", version = "1.19", namespace = NOVA, crate = crate)]
pub struct ComputeNode {
    #[object(header)]
    header: Header,
    /// Set by `create`.
    pub id: ReadOnly<i64>,
    /// Of the node, which is that of its resource provider too.
    pub uuid: ReadOnly<String>,
    /// The id of the compute service.
    pub service_id: Field<Option<i64>>,
    /// The host of the compute service.
    pub host: Field<Option<String>>,
    /// CPUs.
    pub vcpus: Field<i64>,
    /// Memory, in MiB.
    pub memory_mb: Field<i64>,
    /// Disk, in GiB.
    pub local_gb: Field<i64>,
    /// CPUs in use.
    pub vcpus_used: Field<i64>,
    /// Memory in use, in MiB.
    pub memory_mb_used: Field<i64>,
    /// Disk in use, in GiB.
    pub local_gb_used: Field<i64>,
    /// For example `QEMU`.
    pub hypervisor_type: Field<String>,
    /// As a number: 1002003 is 1.2.3.
    pub hypervisor_version: Field<i64>,
    /// The node's name.
    pub hypervisor_hostname: Field<Option<String>>,
    /// Free memory, in MiB.
    pub free_ram_mb: Field<Option<i64>>,
    /// Free disk, in GiB.
    pub free_disk_gb: Field<Option<i64>>,
    /// Instances that are being worked on.
    pub current_workload: Field<Option<i64>>,
    /// Instances that run.
    pub running_vms: Field<Option<i64>>,
    /// A text of JSON.
    pub cpu_info: Field<Option<String>>,
    /// Disk that is free if all images grow to their size, in GiB.
    pub disk_available_least: Field<Option<i64>>,
    /// A text of JSON.
    pub metrics: Field<Option<String>>,
    /// Counters of the host by name.
    pub stats: Field<Option<BTreeMap<String, Option<String>>>>,
    /// The host's address.
    pub host_ip: Field<Option<IpAddr>>,
    /// A text that is the envelope of a `NUMATopology`.
    pub numa_topology: Field<Option<String>>,
    /// What the hypervisor can run.
    pub supported_hv_specs: Field<Vec<HVSpec>>,
    /// PCI devices to give to instances.
    pub pci_device_pools: Field<Option<PciDevicePoolList>>,
    /// How many virtual CPUs a CPU stands for.
    pub cpu_allocation_ratio: Field<f64>,
    /// How much memory one unit of memory stands for.
    pub ram_allocation_ratio: Field<f64>,
    /// How much disk one unit of disk stands for.
    pub disk_allocation_ratio: Field<f64>,
    /// Whether the node is mapped to a cell.
    pub mapped: Field<i64>,
    /// When it was created.
    pub created_at: Field<Option<DateTime>>,
    /// When it was last written.
    pub updated_at: Field<Option<DateTime>>,
    /// When it was deleted.
    pub deleted_at: Field<Option<DateTime>>,
    /// Whether it was deleted.
    #[object(default = false)]
    pub deleted: Field<bool>,
}

/// `HVSpec` 1.2: what a hypervisor can run.
#[derive(Debug, Clone, PartialEq, Default, VersionedObject)]
#[object(name = "HVSpec", version = "1.2", namespace = NOVA, crate = crate)]
pub struct HVSpec {
    #[object(header)]
    header: Header,
    /// For example `x86_64`.
    pub arch: Field<String>,
    /// For example `kvm`.
    pub hv_type: Field<String>,
    /// For example `hvm`.
    pub vm_mode: Field<String>,
}
