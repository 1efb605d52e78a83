//! The paths of the API, each with the methods it knows and who may use it.

/// What a path below `/api` names. Texts are names without escapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource<'a> {
    Overview,
    WhoAmI,
    ClusterName,
    Extensions,
    Auth,
    FeatureFlags,
    GlobalParameters,
    Nodes,
    Node(&'a str),
    VirtualHosts,
    VirtualHost(&'a str),
    VirtualHostPermissions(&'a str),
    /// Of one virtual host or of all.
    Connections(Option<&'a str>),
    Connection(&'a str),
    ConnectionChannels(&'a str),
    UserConnections(&'a str),
    Channels(Option<&'a str>),
    Channel(&'a str),
    Consumers(Option<&'a str>),
    Exchanges(Option<&'a str>),
    Exchange(&'a str, &'a str),
    ExchangeBindings(&'a str, &'a str, End),
    Publish(&'a str, &'a str),
    Queues(Option<&'a str>),
    Queue(&'a str, &'a str),
    QueueBindings(&'a str, &'a str),
    QueueContents(&'a str, &'a str),
    QueueGet(&'a str, &'a str),
    QueueActions(&'a str, &'a str),
    Bindings(Option<&'a str>),
    BindingsBetween(Ends<'a>),
    Binding(Ends<'a>, &'a str),
    Users,
    UsersWithoutPermissions,
    User(&'a str),
    UserPermissions(&'a str),
    Permissions,
    Permission(&'a str, &'a str),
    Definitions(Option<&'a str>),
    Aliveness(&'a str),
    Health(Health<'a>),
    /// Lists of what this broker has none of: policies, parameters, limits, topic permissions.
    Empty(Empty),
}

/// Which end of a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Source,
    Destination,
}

/// From where to where bindings lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends<'a> {
    pub(super) vhost: &'a str,
    pub(super) source: &'a str,
    pub(super) destination: &'a str,
    pub(super) to_queue: bool,
}

/// Which health check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health<'a> {
    Alarms,
    VirtualHosts,
    Port(&'a str),
    Protocol(&'a str),
    /// Of mirrors and quorums, which a single node is never short of.
    Cluster,
    /// Nothing expires here that the broker knows of.
    Certificates,
    /// The old `healthchecks/node`.
    Node,
}

/// What there is none of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Empty {
    /// Shown to all.
    Policies,
    /// Shown to policymakers.
    Parameters,
    /// Shown to administrators.
    Limits,
    /// One of them: 404.
    One,
}

/// Who may use a path. The later includes the earlier, but for policymakers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(super) enum Needs {
    /// Any tag that opens the API.
    Management,
    PolicyMaker,
    Monitoring,
    Administrator,
}

impl<'a> Resource<'a> {
    /// The resource of a path's segments behind `/api/`.
    #[expect(
        clippy::match_same_arms,
        clippy::unnested_or_patterns,
        reason = "in the order of the paths"
    )]
    pub(super) fn of(path: &[&'a str]) -> Option<Self> {
        Some(match *path {
            ["overview"] => Self::Overview,
            ["whoami"] => Self::WhoAmI,
            ["cluster-name"] => Self::ClusterName,
            ["extensions"] => Self::Extensions,
            ["auth"] => Self::Auth,
            ["feature-flags"] => Self::FeatureFlags,
            ["global-parameters"] => Self::GlobalParameters,
            ["nodes"] => Self::Nodes,
            ["nodes", name] => Self::Node(name),
            ["vhosts"] => Self::VirtualHosts,
            ["vhosts", vhost] => Self::VirtualHost(vhost),
            ["vhosts", vhost, "permissions"] => Self::VirtualHostPermissions(vhost),
            ["vhosts", vhost, "connections"] => Self::Connections(Some(vhost)),
            ["vhosts", vhost, "channels"] => Self::Channels(Some(vhost)),
            ["vhosts", _, "topic-permissions"] => Self::Empty(Empty::Limits),
            ["connections"] => Self::Connections(None),
            ["connections", "username", user] => Self::UserConnections(user),
            ["connections", name] => Self::Connection(name),
            ["connections", name, "channels"] => Self::ConnectionChannels(name),
            ["channels"] => Self::Channels(None),
            ["channels", name] => Self::Channel(name),
            ["consumers"] => Self::Consumers(None),
            ["consumers", vhost] => Self::Consumers(Some(vhost)),
            ["exchanges", ..] => return Self::of_exchange(path),
            ["queues", ..] => return Self::of_queue(path),
            ["bindings", ..] => return Self::of_binding(path),
            ["users"] => Self::Users,
            ["users", "without-permissions"] => Self::UsersWithoutPermissions,
            ["users", user] => Self::User(user),
            ["users", user, "permissions"] => Self::UserPermissions(user),
            ["users", _, "topic-permissions"] => Self::Empty(Empty::Limits),
            ["permissions"] => Self::Permissions,
            ["permissions", vhost, user] => Self::Permission(vhost, user),
            ["definitions"] => Self::Definitions(None),
            ["definitions", vhost] => Self::Definitions(Some(vhost)),
            ["aliveness-test", vhost] => Self::Aliveness(vhost),
            ["healthchecks", "node"] | ["healthchecks", "node", _] => Self::Health(Health::Node),
            ["health", "checks", ref check @ ..] => Self::Health(Health::of(check)?),
            ["policies" | "operator-policies"] | ["policies" | "operator-policies", _] => {
                Self::Empty(Empty::Policies)
            }
            ["parameters"] | ["parameters", _] | ["parameters", _, _] => {
                Self::Empty(Empty::Parameters)
            }
            ["vhost-limits" | "user-limits" | "topic-permissions"]
            | ["vhost-limits" | "user-limits", _] => Self::Empty(Empty::Limits),
            [
                "policies" | "operator-policies" | "vhost-limits" | "user-limits",
                _,
                _,
            ]
            | ["parameters", _, _, _]
            | ["global-parameters", _]
            | ["topic-permissions", _, _] => Self::Empty(Empty::One),
            _ => return None,
        })
    }

    fn of_exchange(path: &[&'a str]) -> Option<Self> {
        Some(match *path {
            [_] => Self::Exchanges(None),
            [_, vhost] => Self::Exchanges(Some(vhost)),
            [_, vhost, name] => Self::Exchange(vhost, exchange(name)),
            [_, vhost, name, "publish"] => Self::Publish(vhost, exchange(name)),
            [_, vhost, name, "bindings", "source"] => {
                Self::ExchangeBindings(vhost, exchange(name), End::Source)
            }
            [_, vhost, name, "bindings", "destination"] => {
                Self::ExchangeBindings(vhost, exchange(name), End::Destination)
            }
            _ => return None,
        })
    }

    fn of_queue(path: &[&'a str]) -> Option<Self> {
        Some(match *path {
            [_] => Self::Queues(None),
            [_, vhost] => Self::Queues(Some(vhost)),
            [_, vhost, name] => Self::Queue(vhost, name),
            [_, vhost, name, "bindings"] => Self::QueueBindings(vhost, name),
            [_, vhost, name, "contents"] => Self::QueueContents(vhost, name),
            [_, vhost, name, "get"] => Self::QueueGet(vhost, name),
            [_, vhost, name, "actions"] => Self::QueueActions(vhost, name),
            _ => return None,
        })
    }

    fn of_binding(path: &[&'a str]) -> Option<Self> {
        let ends = |vhost, source, kind, destination| {
            let to_queue = match kind {
                "q" => true,
                "e" => false,
                _ => return None,
            };
            Some(Ends {
                vhost,
                source: exchange(source),
                destination,
                to_queue,
            })
        };
        Some(match *path {
            [_] => Self::Bindings(None),
            [_, vhost] => Self::Bindings(Some(vhost)),
            [_, vhost, "e", source, kind, to] => {
                Self::BindingsBetween(ends(vhost, source, kind, to)?)
            }
            [_, vhost, "e", source, kind, to, key] => {
                Self::Binding(ends(vhost, source, kind, to)?, key)
            }
            _ => return None,
        })
    }

    /// The methods that the path knows, as in `Allow`.
    pub(super) fn methods(&self) -> &'static str {
        match self {
            Self::Publish(..) | Self::QueueGet(..) | Self::QueueActions(..) => "POST, OPTIONS",
            Self::QueueContents(..) => "DELETE, OPTIONS",
            Self::VirtualHost(_)
            | Self::Exchange(..)
            | Self::Queue(..)
            | Self::User(_)
            | Self::Permission(..)
            | Self::Empty(Empty::One) => "HEAD, GET, PUT, DELETE, OPTIONS",
            Self::Connection(_) | Self::UserConnections(_) | Self::Binding(..) => {
                "HEAD, GET, DELETE, OPTIONS"
            }
            Self::BindingsBetween(_) | Self::Definitions(_) => "HEAD, GET, POST, OPTIONS",
            _ => "HEAD, GET, OPTIONS",
        }
    }

    /// Who may use it. What belongs to a virtual host needs access to that besides.
    pub(super) fn needs(&self) -> Needs {
        match self {
            Self::Nodes | Self::Node(_) => Needs::Monitoring,
            Self::GlobalParameters | Self::Empty(Empty::Parameters | Empty::One) => {
                Needs::PolicyMaker
            }
            Self::VirtualHost(_)
            | Self::VirtualHostPermissions(_)
            | Self::Users
            | Self::UsersWithoutPermissions
            | Self::User(_)
            | Self::UserPermissions(_)
            | Self::Permissions
            | Self::Permission(..)
            | Self::Definitions(_)
            | Self::FeatureFlags
            | Self::Empty(Empty::Limits) => Needs::Administrator,
            _ => Needs::Management,
        }
    }

    /// The virtual host whose content it is, which the user must be able to enter.
    pub(super) fn virtual_host(&self) -> Option<&'a str> {
        match *self {
            Self::Connections(vhost)
            | Self::Channels(vhost)
            | Self::Consumers(vhost)
            | Self::Exchanges(vhost)
            | Self::Queues(vhost)
            | Self::Bindings(vhost) => vhost,
            Self::Exchange(vhost, _)
            | Self::ExchangeBindings(vhost, _, _)
            | Self::Publish(vhost, _)
            | Self::Queue(vhost, _)
            | Self::QueueBindings(vhost, _)
            | Self::QueueContents(vhost, _)
            | Self::QueueGet(vhost, _)
            | Self::QueueActions(vhost, _)
            | Self::Aliveness(vhost) => Some(vhost),
            Self::BindingsBetween(ends) | Self::Binding(ends, _) => Some(ends.vhost),
            _ => None,
        }
    }
}

impl<'a> Health<'a> {
    fn of(path: &[&'a str]) -> Option<Self> {
        Some(match *path {
            ["alarms" | "local-alarms"] => Self::Alarms,
            ["virtual-hosts"] => Self::VirtualHosts,
            ["port-listener", port] => Self::Port(port),
            ["protocol-listener", protocol] => Self::Protocol(protocol),
            ["node-is-mirror-sync-critical" | "node-is-quorum-critical"] => Self::Cluster,
            [
                "certificate-expiration",
                _,
                "days" | "weeks" | "months" | "years",
            ] => Self::Certificates,
            _ => return None,
        })
    }
}

/// The default exchange has no name, which no path can hold.
fn exchange(name: &str) -> &str {
    if name == "amq.default" { "" } else { name }
}

#[cfg(test)]
mod tests;
