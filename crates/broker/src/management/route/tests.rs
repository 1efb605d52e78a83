use super::{Empty, End, Ends, Health, Needs, Resource};

fn of<'a>(path: &'a [&'a str]) -> Option<Resource<'a>> {
    Resource::of(path)
}

#[test]
fn paths_name_what_they_name_with_rabbitmq() {
    let ends = |source, to_queue| Ends {
        vhost: "v",
        source,
        destination: "d",
        to_queue,
    };
    for (path, resource) in [
        (&["overview"][..], Resource::Overview),
        (&["queues"], Resource::Queues(None)),
        (&["queues", "/"], Resource::Queues(Some("/"))),
        (
            &["queues", "v", "a/b", "get"],
            Resource::QueueGet("v", "a/b"),
        ),
        (
            &["exchanges", "v", "amq.default"],
            Resource::Exchange("v", ""),
        ),
        (
            &["exchanges", "v", "x", "bindings", "destination"],
            Resource::ExchangeBindings("v", "x", End::Destination),
        ),
        (
            &["bindings", "v", "e", "amq.default", "q", "d"],
            Resource::BindingsBetween(ends("", true)),
        ),
        (
            &["bindings", "v", "e", "x", "e", "d", "~"],
            Resource::Binding(ends("x", false), "~"),
        ),
        (
            &["vhosts", "v", "connections"],
            Resource::Connections(Some("v")),
        ),
        (
            &["users", "without-permissions"],
            Resource::UsersWithoutPermissions,
        ),
        (
            &["health", "checks", "local-alarms"],
            Resource::Health(Health::Alarms),
        ),
        (&["policies", "v", "p"], Resource::Empty(Empty::One)),
    ] {
        assert_eq!(of(path), Some(resource), "{path:?}");
    }
    for path in [
        &[][..],
        &[""],
        &["queues", "v", "q", "x"],
        &["queues", "v", "q", "get", "x"],
        &["bindings", "v", "e", "x", "z", "d"],
        &["bindings", "v", "q", "x"],
        &["health", "checks"],
        &["OVERVIEW"],
    ] {
        assert_eq!(of(path), None, "{path:?}");
    }
}

#[test]
fn what_changes_users_or_hosts_is_for_administrators() {
    for path in [
        &["vhosts", "v"][..],
        &["users"],
        &["users", "u"],
        &["permissions", "v", "u"],
        &["definitions"],
        &["definitions", "v"],
    ] {
        assert_eq!(of(path).unwrap().needs(), Needs::Administrator, "{path:?}");
    }
}

/// A path that changes something in a virtual host names it, so that the user's access to it is looked at.
#[test]
fn what_is_in_a_virtual_host_names_it() {
    for path in [
        &["queues", "v"][..],
        &["queues", "v", "q"],
        &["queues", "v", "q", "contents"],
        &["queues", "v", "q", "get"],
        &["queues", "v", "q", "bindings"],
        &["queues", "v", "q", "actions"],
        &["exchanges", "v", "x"],
        &["exchanges", "v", "x", "publish"],
        &["exchanges", "v", "x", "bindings", "source"],
        &["bindings", "v"],
        &["bindings", "v", "e", "x", "q", "q"],
        &["bindings", "v", "e", "x", "q", "q", "~"],
        &["consumers", "v"],
        &["vhosts", "v", "channels"],
        &["aliveness-test", "v"],
    ] {
        assert_eq!(of(path).unwrap().virtual_host(), Some("v"), "{path:?}");
    }
}
