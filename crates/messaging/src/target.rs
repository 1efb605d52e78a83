//! Where a message goes, and what a server or an endpoint answers to.

use std::fmt;

mod roles;
#[cfg(test)]
mod tests;
mod version;

pub use roles::{ClientTarget, EndpointTarget, ServerTarget};
pub use version::{InvalidVersion, Version};

/// The destination of messages, as oslo.messaging's `Target`.
///
/// One type serves three roles, which need different fields: a client needs `topic`, a server
/// needs `topic` and `server`, an endpoint uses `namespace` and `version`. In code, prefer
/// [`ClientTarget`], [`ServerTarget`] and [`EndpointTarget`], with which a missing field does not
/// compile; a plain `Target` suits what is read from configuration and is checked at use
/// ([`Target::check_send`], [`Target::check_listen`], [`Target::check_listen_for_notifications`]).
///
/// Two targets are equal, and hash alike, when all fields are.
///
/// ```
/// use bergen_messaging::target::Target;
///
/// let compute = Target::default().with_topic("compute").with_version((5, 13));
/// let one_host = compute.with_server("host-1");
/// assert_eq!(one_host.to_string(), "<Target topic=compute, version=5.13, server=host-1>");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Target {
    /// Scope of the topic; `None` means the transport's `control_exchange`.
    pub exchange: Option<String>,
    /// Name of a set of interfaces that any number of servers may offer.
    pub topic: Option<String>,
    /// Group of methods inside a topic; `None` is the null namespace.
    pub namespace: Option<String>,
    /// Interface version: what a client asks for, or what an endpoint offers. `None` counts as
    /// 1.0 on the server.
    pub version: Option<Version>,
    /// One server of the topic; `None` means any of them.
    pub server: Option<String>,
    /// Send to every server of the topic. Casts only.
    pub fanout: bool,
    /// Further namespaces that an endpoint accepts.
    pub legacy_namespaces: Vec<String>,
}

impl Target {
    /// A copy with another exchange.
    #[must_use]
    pub fn with_exchange(&self, exchange: impl Into<String>) -> Self {
        Self {
            exchange: Some(exchange.into()),
            ..self.clone()
        }
    }

    /// A copy with another topic.
    #[must_use]
    pub fn with_topic(&self, topic: impl Into<String>) -> Self {
        Self {
            topic: Some(topic.into()),
            ..self.clone()
        }
    }

    /// A copy with another namespace.
    #[must_use]
    pub fn with_namespace(&self, namespace: impl Into<String>) -> Self {
        Self {
            namespace: Some(namespace.into()),
            ..self.clone()
        }
    }

    /// A copy with another version.
    #[must_use]
    pub fn with_version(&self, version: impl Into<Version>) -> Self {
        Self {
            version: Some(version.into()),
            ..self.clone()
        }
    }

    /// A copy for another server of the topic.
    #[must_use]
    pub fn with_server(&self, server: impl Into<String>) -> Self {
        Self {
            server: Some(server.into()),
            ..self.clone()
        }
    }

    /// A copy that goes, or does not go, to every server of the topic.
    #[must_use]
    pub fn with_fanout(&self, fanout: bool) -> Self {
        Self {
            fanout,
            ..self.clone()
        }
    }

    /// A copy with other legacy namespaces.
    #[must_use]
    pub fn with_legacy_namespaces<S: Into<String>>(
        &self,
        namespaces: impl IntoIterator<Item = S>,
    ) -> Self {
        Self {
            legacy_namespaces: namespaces.into_iter().map(Into::into).collect(),
            ..self.clone()
        }
    }

    /// The namespaces an endpoint with this target answers to: its own (the null namespace if
    /// none is set), then the legacy ones.
    pub fn accepted_namespaces(&self) -> impl Iterator<Item = Option<&str>> {
        std::iter::once(self.namespace.as_deref()).chain(
            self.legacy_namespaces
                .iter()
                .map(|name| Some(name.as_str())),
        )
    }

    /// Whether an endpoint with this target answers to `namespace`.
    pub fn accepts_namespace(&self, namespace: Option<&str>) -> bool {
        self.accepted_namespaces()
            .any(|accepted| accepted == namespace)
    }

    /// Checks that a message can be sent to this target, and yields its topic.
    pub fn check_send(&self) -> Result<&str, InvalidTarget> {
        self.topic()
            .ok_or_else(|| InvalidTarget::NoTopicToSend(Box::new(self.clone())))
    }

    /// Checks that a call can be sent to this target, and yields its topic: as
    /// [`check_send`](Self::check_send), and it must not be a fanout, which nobody answers.
    pub fn check_call(&self) -> Result<&str, InvalidTarget> {
        if self.fanout {
            return Err(InvalidTarget::FanoutCall(Box::new(self.clone())));
        }
        self.check_send()
    }

    /// Checks that an RPC server can listen on this target, and yields topic and server.
    pub fn check_listen(&self) -> Result<(&str, &str), InvalidTarget> {
        let server = self.server.as_deref().filter(|server| !server.is_empty());
        self.topic()
            .zip(server)
            .ok_or_else(|| InvalidTarget::NoTopicOrServer(Box::new(self.clone())))
    }

    /// Checks that a notification listener can listen on this target, and yields its topic.
    pub fn check_listen_for_notifications(&self) -> Result<&str, InvalidTarget> {
        self.topic()
            .ok_or_else(|| InvalidTarget::NoTopic(Box::new(self.clone())))
    }

    /// The topic; an empty name counts as none, as it does for the peer.
    fn topic(&self) -> Option<&str> {
        self.topic.as_deref().filter(|topic| !topic.is_empty())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = Fields { f, any: false };
        fields.f.write_str("<Target")?;
        fields.field("exchange", self.exchange.as_ref())?;
        fields.field("topic", self.topic.as_ref())?;
        fields.field("namespace", self.namespace.as_ref())?;
        fields.field("version", self.version.as_ref())?;
        fields.field("server", self.server.as_ref())?;
        fields.field("fanout", self.fanout.then_some(&true))?;
        let legacy = self.legacy_namespaces.join("|");
        fields.field("legacy_namespaces", (!legacy.is_empty()).then_some(&legacy))?;
        fields.f.write_str(">")
    }
}

/// A target that lacks what its use needs. The texts are those of oslo.messaging.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTarget {
    /// A call or cast without a topic.
    #[error("A topic is required to send: {0}")]
    NoTopicToSend(Box<Target>),
    /// A call to every server of a topic: only casts can fan out.
    #[error("A call cannot be used with fanout: {0}")]
    FanoutCall(Box<Target>),
    /// An RPC server without topic or server.
    #[error("A server's target must have topic and server names specified: {0}")]
    NoTopicOrServer(Box<Target>),
    /// A notification listener without a topic.
    #[error("A target must have topic specified: {0}")]
    NoTopic(Box<Target>),
}

/// Writes `name=value` pairs, separated by commas.
struct Fields<'a, 'b> {
    f: &'a mut fmt::Formatter<'b>,
    any: bool,
}

impl Fields<'_, '_> {
    fn field(&mut self, name: &str, value: Option<&impl fmt::Display>) -> fmt::Result {
        let Some(value) = value else { return Ok(()) };
        let separator = if self.any { ", " } else { " " };
        self.any = true;
        write!(self.f, "{separator}{name}={value}")
    }
}
