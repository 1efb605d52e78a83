//! What transports check, and where they take their URL from.

use bergen_config::Source;
use bergen_messaging::driver::NotifyOptions;
use bergen_messaging::notify::{Notification, Priority};
use bergen_messaging::options;
use bergen_messaging::rpc::RpcServer;
use bergen_messaging::runtime::{Runtime, RuntimeOptions};
use bergen_messaging::target::{ServerTarget, Target};
use bergen_messaging::transport::{NotificationTransport, RpcTransport, TransportOptions};
use bergen_messaging::wire::RawJson;

use crate::bus::Bus;

#[tokio::test]
async fn a_notification_needs_a_topic() {
    let bus = Bus::new();
    let event = Notification::new("me", "event", Priority::Info, RawJson::null());
    let nowhere = Target::default().with_server("s");
    let sent = bus
        .notification_transport()
        .send_notification(&nowhere, "info", &event, NotifyOptions::default())
        .await;
    assert_eq!(
        sent.unwrap_err().to_string(),
        "A topic is required to send: <Target server=s>"
    );
}

#[test]
fn notifications_have_a_url_of_their_own_where_it_is_configured() {
    let bus = Bus::new();
    let mut values = options::defaults();
    let mut set = |group, url| {
        values
            .set(group, "transport_url", url, Source::Code)
            .unwrap();
    };
    set("DEFAULT", "bus+rpc://");
    set("oslo_messaging_notifications", "bus+events://");
    let base = TransportOptions::default()
        .registry(bus.registry())
        .options(values);
    let runtime = Runtime::new(RuntimeOptions::new(base.clone(), "me")).unwrap();
    assert_eq!(runtime.rpc().url().scheme(), "bus+rpc");
    assert_eq!(runtime.notifications().url().scheme(), "bus+events");
    let explicit = base.url("bus+explicit://".parse().unwrap());
    let transport = NotificationTransport::new(explicit).unwrap();
    assert_eq!(transport.url().scheme(), "bus+explicit");
    // Without one, they go where RPC goes.
    let transport = NotificationTransport::new(bus.options()).unwrap();
    assert_eq!(transport.url().scheme(), "bus");
}

/// No runtime here: whatever connected or spawned would panic.
#[test]
fn transports_and_servers_are_made_without_a_network() {
    let nobody = TransportOptions::default().url("rabbit://127.0.0.1:1/".parse().unwrap());
    let transport = RpcTransport::new(nobody.clone()).unwrap();
    let server = RpcServer::builder(&transport, ServerTarget::new("t", "s")).build();
    assert!(!server.is_running());
    NotificationTransport::new(nobody).unwrap();
}
