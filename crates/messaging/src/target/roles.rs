//! Targets by role, so that a missing field does not compile.

use super::{InvalidTarget, Target, Version};

/// The target of a client: always has a topic.
///
/// ```
/// use bergen_messaging::target::{ClientTarget, Target};
///
/// let target: Target = ClientTarget::new("compute").server("host-1").version((5, 0)).into();
/// assert!(target.check_send().is_ok());
/// ```
///
/// Without a topic it does not compile:
///
/// ```compile_fail
/// use bergen_messaging::target::ClientTarget;
///
/// let target = ClientTarget::new();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientTarget(Target);

impl ClientTarget {
    /// Any server of `topic`, in the transport's default exchange.
    pub fn new(topic: impl Into<String>) -> Self {
        Self(Target {
            topic: Some(topic.into()),
            ..Target::default()
        })
    }

    /// In this exchange instead of the transport's `control_exchange`.
    #[must_use]
    pub fn exchange(mut self, exchange: impl Into<String>) -> Self {
        self.0.exchange = Some(exchange.into());
        self
    }

    /// Methods of this namespace.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.0.namespace = Some(namespace.into());
        self
    }

    /// This version of the interface, or a compatible one.
    #[must_use]
    pub fn version(mut self, version: impl Into<Version>) -> Self {
        self.0.version = Some(version.into());
        self
    }

    /// This server only.
    #[must_use]
    pub fn server(mut self, server: impl Into<String>) -> Self {
        self.0.server = Some(server.into());
        self
    }

    /// Every server of the topic; casts only.
    #[must_use]
    pub fn fanout(mut self) -> Self {
        self.0.fanout = true;
        self
    }
}

impl From<ClientTarget> for Target {
    fn from(target: ClientTarget) -> Self {
        target.0
    }
}

impl TryFrom<Target> for ClientTarget {
    type Error = InvalidTarget;

    fn try_from(target: Target) -> Result<Self, InvalidTarget> {
        target.check_send()?;
        Ok(Self(target))
    }
}

/// The target of a server: always has a topic and a server name.
///
/// ```
/// use bergen_messaging::target::{ServerTarget, Target};
///
/// let target: Target = ServerTarget::new("compute", "host-1").exchange("nova").into();
/// assert!(target.check_listen().is_ok());
/// ```
///
/// Without a server name it does not compile:
///
/// ```compile_fail
/// use bergen_messaging::target::ServerTarget;
///
/// let target = ServerTarget::new("compute");
/// ```
///
/// Nor does a fanout, which is a matter of the sender:
///
/// ```compile_fail
/// use bergen_messaging::target::ServerTarget;
///
/// let target = ServerTarget::new("compute", "host-1").fanout();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerTarget(Target);

impl ServerTarget {
    /// The server named `server` of `topic`, in the transport's default exchange.
    pub fn new(topic: impl Into<String>, server: impl Into<String>) -> Self {
        Self(Target {
            topic: Some(topic.into()),
            server: Some(server.into()),
            ..Target::default()
        })
    }

    /// In this exchange instead of the transport's `control_exchange`.
    #[must_use]
    pub fn exchange(mut self, exchange: impl Into<String>) -> Self {
        self.0.exchange = Some(exchange.into());
        self
    }
}

impl From<ServerTarget> for Target {
    fn from(target: ServerTarget) -> Self {
        target.0
    }
}

impl TryFrom<Target> for ServerTarget {
    type Error = InvalidTarget;

    fn try_from(target: Target) -> Result<Self, InvalidTarget> {
        target.check_listen()?;
        Ok(Self(target))
    }
}

/// The target of an endpoint: which namespaces and which version it answers to.
///
/// ```
/// use bergen_messaging::target::{EndpointTarget, Target};
///
/// let target: Target =
///     EndpointTarget::new().namespace("baseapi").version((1, 3)).legacy_namespace("base").into();
/// assert!(target.accepts_namespace(Some("base")));
/// ```
///
/// Addressing belongs to the server, so this does not compile:
///
/// ```compile_fail
/// use bergen_messaging::target::EndpointTarget;
///
/// let target = EndpointTarget::new().topic("compute");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct EndpointTarget(Target);

impl EndpointTarget {
    /// The null namespace in version 1.0.
    pub fn new() -> Self {
        Self::default()
    }

    /// This namespace.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.0.namespace = Some(namespace.into());
        self
    }

    /// This version and the older ones of the same major.
    #[must_use]
    pub fn version(mut self, version: impl Into<Version>) -> Self {
        self.0.version = Some(version.into());
        self
    }

    /// One more namespace that is accepted.
    #[must_use]
    pub fn legacy_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.0.legacy_namespaces.push(namespace.into());
        self
    }
}

impl From<EndpointTarget> for Target {
    fn from(target: EndpointTarget) -> Self {
        target.0
    }
}
