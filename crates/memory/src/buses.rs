//! The buses of this process, by name.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bergen_messaging::url::TransportUrl;

use super::bus::Bus;

/// One bus for each name, for all drivers of the process: two programs' worth of drivers meet here as they would on a
/// broker.
static BUSES: Mutex<BTreeMap<String, Weak<Bus>>> = Mutex::new(BTreeMap::new());

/// The bus that a URL names: the one there is, or a new one.
pub(crate) fn bus(url: &TransportUrl) -> Arc<Bus> {
    let name = name(url);
    let mut buses = BUSES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(bus) = buses.get(&name).and_then(Weak::upgrade) {
        return bus;
    }
    buses.retain(|_, bus| bus.strong_count() > 0);
    let bus = Bus::new();
    buses.insert(name, Arc::downgrade(&bus));
    bus
}

/// Hosts and virtual host. Ports and passwords name nothing here.
fn name(url: &TransportUrl) -> String {
    let hosts = url
        .hosts()
        .iter()
        .filter_map(|host| host.hostname.as_deref());
    let virtual_host = url.virtual_host().trim_start_matches('/');
    format!(
        "{}/{virtual_host}",
        hosts.collect::<Vec<_>>().join(",").to_ascii_lowercase()
    )
}
