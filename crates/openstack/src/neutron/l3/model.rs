//! Routers and ports as `sync_routers` gives them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Declares a record of neutron's: known keys typed and, but for those that identify it, optional. A key with null counts
/// as absent.
macro_rules! record {
    (
        $(#[$attribute:meta])*
        $name:ident {
            $($(#[$needed_attribute:meta])* $needed:ident: $needed_type:ty,)*
        } optional {
            $($(#[$field_attribute:meta])* $field:ident: $type:ty,)*
        }
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
        pub struct $name {
            $($(#[$needed_attribute])* pub $needed: $needed_type,)*
            $(
                $(#[$field_attribute])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type>,
            )*
            /// All other keys, as they came.
            #[serde(flatten)]
            pub rest: Map<String, Value>,
        }
    };
}

record! {
    /// A router with all that belongs to it.
    Router {
        /// Its UUID.
        id: String,
    } optional {
        /// What its owner calls it.
        name: String,
        /// Whose it is.
        project_id: String,
        /// Whether it is to work.
        admin_state_up: bool,
        /// `ACTIVE`, `DOWN`, …
        status: String,
        /// Where it meets the world outside.
        external_gateway_info: ExternalGatewayInfo,
        /// The id of its port there.
        gw_port_id: String,
        /// The host of that port, for distributed routers.
        gw_port_host: String,
        /// Its port there.
        gw_port: Port,
        /// Whether addresses are translated on the way out.
        enable_snat: bool,
        /// Whether it is distributed over compute hosts.
        distributed: bool,
        /// Whether it is highly available.
        ha: bool,
        /// Its VRRP group, if it is.
        ha_vr_id: i64,
        /// The zones that it stands in.
        availability_zones: Vec<String>,
        /// The zones that were asked for.
        availability_zone_hints: Vec<String>,
        /// Static routes.
        routes: Vec<Route>,
        /// Its flavor.
        flavor_id: String,
        /// Tags.
        tags: Vec<String>,
        /// What its owner says of it.
        description: String,
        /// When it was made, ISO 8601.
        created_at: String,
        /// When it was last changed.
        updated_at: String,
        /// Grows with each change.
        revision_number: i64,
        /// Its ports in tenants' networks.
        #[serde(rename = "_interfaces")]
        interfaces: Vec<Port>,
        /// Its floating IPs.
        #[serde(rename = "_floatingips")]
        floatingips: Vec<Value>,
        /// Its port in the network of highly available routers.
        #[serde(rename = "_ha_interface")]
        ha_interface: Port,
        /// `active` or `standby` on this host.
        #[serde(rename = "_ha_state")]
        ha_state: String,
        /// Its ports for translated addresses, if it is distributed.
        #[serde(rename = "_snat_router_interfaces")]
        snat_router_interfaces: Vec<Port>,
        /// The host's ports for floating IPs, if it is distributed.
        #[serde(rename = "_floatingip_agent_interfaces")]
        floatingip_agent_interfaces: Vec<Port>,
        /// Floating IPs with port forwardings.
        #[serde(rename = "_pf_floatingips")]
        pf_floatingips: Vec<Value>,
    }
}

record! {
    /// A port of a router.
    Port {
        /// Its UUID.
        id: String,
    } optional {
        /// The network that it is on.
        network_id: String,
        /// Its MAC address.
        mac_address: String,
        /// `ACTIVE`, `DOWN`, …
        status: String,
        /// The router.
        device_id: String,
        /// What kind of port it is, as `network:router_interface`.
        device_owner: String,
        /// Its addresses.
        fixed_ips: Vec<FixedIp>,
        /// The subnets of those.
        subnets: Vec<Subnet>,
        /// The other subnets of the network.
        extra_subnets: Vec<Subnet>,
        /// The address scopes by IP version, `4` and `6`.
        address_scopes: Map<String, Value>,
        /// In bytes.
        mtu: i64,
        /// The host that it is bound to.
        #[serde(rename = "binding:host_id")]
        binding_host_id: String,
        /// How it is wired, as `ovs`.
        #[serde(rename = "binding:vif_type")]
        binding_vif_type: String,
        /// Details of that.
        #[serde(rename = "binding:vif_details")]
        binding_vif_details: Map<String, Value>,
        /// What its owner asks of the binding.
        #[serde(rename = "binding:profile")]
        binding_profile: Map<String, Value>,
        /// As `normal`.
        #[serde(rename = "binding:vnic_type")]
        binding_vnic_type: String,
    }
}

record! {
    /// An address of a port.
    FixedIp {
        /// The subnet.
        subnet_id: String,
        /// The address.
        ip_address: String,
    } optional {
        /// The bits of the subnet.
        prefixlen: u8,
    }
}

record! {
    /// A subnet, as far as a router cares.
    Subnet {
        /// Its UUID.
        id: String,
    } optional {
        /// Its addresses.
        cidr: String,
        /// The gateway in it.
        gateway_ip: String,
        /// Name servers.
        dns_nameservers: Vec<String>,
        /// How routers advertise it.
        ipv6_ra_mode: String,
        /// The pool that it came from.
        subnetpool_id: String,
    }
}

record! {
    /// Where a router meets the world outside.
    ExternalGatewayInfo {
        /// The external network.
        network_id: String,
    } optional {
        /// Whether addresses are translated on the way out.
        enable_snat: bool,
        /// The router's addresses there.
        external_fixed_ips: Vec<ExternalFixedIp>,
    }
}

record! {
    /// An address of a router outside.
    ExternalFixedIp {
    } optional {
        /// The subnet.
        subnet_id: String,
        /// The address.
        ip_address: String,
    }
}

record! {
    /// A static route.
    Route {
        /// The network.
        destination: String,
        /// The address of the way there.
        nexthop: String,
    } optional {
    }
}

#[cfg(test)]
mod tests;
