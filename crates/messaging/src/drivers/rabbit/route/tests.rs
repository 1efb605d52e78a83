use super::*;

fn direct(target: &Target) -> Route {
    Route::direct(&Topology::default(), "openstack", target).unwrap()
}

#[test]
fn a_topic_and_a_server_are_routing_keys_in_the_control_exchange() {
    let topic = Target::default().with_topic("compute");
    let route = direct(&topic);
    assert_eq!(
        (&*route.exchange, &*route.routing_key),
        ("openstack", "compute")
    );
    let route = direct(&topic.with_server("host-1").with_exchange("nova"));
    assert_eq!(
        (&*route.exchange, &*route.routing_key),
        ("nova", "compute.host-1")
    );
}

#[test]
fn empty_names_count_as_none() {
    let target = Target::default()
        .with_topic("compute")
        .with_server("")
        .with_exchange("");
    let route = direct(&target);
    assert_eq!(
        (&*route.exchange, &*route.routing_key),
        ("openstack", "compute")
    );
}

#[test]
fn a_fanout_goes_to_its_own_exchange_without_a_key() {
    let target = Target::default()
        .with_topic("compute")
        .with_exchange("nova");
    let route = Route::fanout(&Topology::default(), &target).unwrap();
    assert_eq!(
        (&*route.exchange, &*route.routing_key),
        ("compute_fanout", "")
    );
}

#[test]
fn a_notification_brings_its_queue_along() {
    let target = Target::default().with_topic("notifications");
    let route = Route::notification(&Topology::default(), "nova", &target, "INFO").unwrap();
    assert_eq!(
        (&*route.exchange, &*route.routing_key),
        ("nova", "notifications.info")
    );
    assert!(
        matches!(route.needs, Needs::Binding(binding) if &*binding.queue.name == "notifications.info")
    );
}

#[test]
fn a_target_without_a_topic_cannot_be_sent_to() {
    let error = Route::direct(&Topology::default(), "openstack", &Target::default()).unwrap_err();
    assert!(matches!(error, SendError::Encode { cause } if cause.contains("topic is required")));
}
