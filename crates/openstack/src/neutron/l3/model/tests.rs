use bergen_messaging::wire::RawJson;
use serde_json::json;

use super::*;

/// What a neutron of 2026 sends for a router with one interface.
fn captured() -> Value {
    json!({
        "id": "0d8d250a-3858-4ac0-a298-7c78e338b84e", "name": "r-1", "project_id": "p", "admin_state_up": true,
        "status": "ACTIVE", "enable_snat": true,
        "external_gateway_info": {
            "network_id": "n-2", "enable_snat": true,
            "external_fixed_ips": [{"subnet_id": "s-2", "ip_address": "203.0.113.9"}]
        },
        "description": "", "availability_zones": ["nova"], "distributed": false, "ha": false, "ha_vr_id": 0,
        "availability_zone_hints": [], "enable_default_route_ecmp": false,
        "routes": [{"destination": "10.0.0.0/8", "nexthop": "10.77.0.9"}], "tags": [],
        "created_at": "2026-11-22T01:21:38Z", "updated_at": "2026-11-22T01:21:39Z", "revision_number": 2,
        "tenant_id": "p",
        "_interfaces": [{
            "id": "53fa413d-c1d8-448d-b724-84b01e5387b5", "name": "", "network_id": "n-1",
            "mac_address": "fa:16:3e:60:59:0b", "status": "DOWN", "device_owner": "network:router_interface",
            "fixed_ips": [{"subnet_id": "s-1", "ip_address": "10.77.0.1", "prefixlen": 24}],
            "binding:vnic_type": "normal", "binding:profile": {}, "binding:host_id": "net-1",
            "binding:vif_type": "ovs", "binding:vif_details": {"bound_drivers": {"0": "openvswitch"}},
            "subnets": [{"id": "s-1", "cidr": "10.77.0.0/24", "gateway_ip": "10.77.0.1", "dns_nameservers": []}],
            "extra_subnets": [], "address_scopes": {"4": null, "6": null}, "mtu": 1450
        }]
    })
}

fn decoded(value: &Value) -> Router {
    RawJson::encode(value).unwrap().decode().unwrap()
}

#[test]
fn known_keys_are_typed_and_everything_else_is_kept() {
    let router = decoded(&captured());
    assert_eq!(router.name.as_deref(), Some("r-1"));
    assert_eq!(router.rest["tenant_id"], "p");
    let gateway = router.external_gateway_info.as_ref().unwrap();
    assert_eq!(gateway.network_id, "n-2");
    let port = &router.interfaces.as_ref().unwrap()[0];
    assert_eq!(port.fixed_ips.as_ref().unwrap()[0].prefixlen, Some(24));
    assert_eq!(port.binding_host_id.as_deref(), Some("net-1"));
    // Python's integer keys come as texts.
    let details = port.binding_vif_details.as_ref().unwrap();
    assert_eq!(details["bound_drivers"]["0"], "openvswitch");
    assert_eq!(port.mtu, Some(1450));
    assert_eq!(serde_json::to_value(&router).unwrap(), captured());
}

#[test]
fn null_counts_as_absent_and_only_the_id_is_needed() {
    let mut value = captured();
    value["external_gateway_info"] = json!(null);
    value["gw_port_id"] = json!(null);
    let router = decoded(&value);
    assert_eq!(
        (router.external_gateway_info, router.gw_port_id),
        (None, None)
    );
    assert_eq!(decoded(&json!({"id": "r-1"})).id, "r-1");
    let missing = RawJson::encode(&json!({"name": "r"})).unwrap();
    assert!(missing.decode::<Router>().is_err());
}

/// Without keys that are null.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().filter(|(_, value)| !value.is_null());
            members
                .map(|(key, value)| (key, without_nulls(value)))
                .collect()
        }
        Value::Array(elements) => elements.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

#[test]
fn what_a_real_neutron_sent_reads_and_writes_the_same() {
    let sent = include_str!("../../../../tests/captures/neutron_sync_routers.json");
    let routers: Vec<Router> = RawJson::parse(sent).unwrap().decode().unwrap();
    assert_eq!(routers.len(), 1);
    assert_eq!(routers[0].interfaces.as_ref().unwrap().len(), 1);
    let sent: Value = serde_json::from_str(sent).unwrap();
    let written = serde_json::to_value(&routers).unwrap();
    assert_eq!(without_nulls(written), without_nulls(sent));
}
