//! How a server goes about the requests of an endpoint.

/// What differs between one endpoint and the others of its server; what is not said is as the server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct EndpointOptions {
    /// See [`RpcServerBuilder::late_acknowledgement`](super::RpcServerBuilder::late_acknowledgement).
    pub late_acknowledgement: Option<bool>,
    /// See [`RpcServerBuilder::drop_cancelled`](super::RpcServerBuilder::drop_cancelled).
    pub drop_cancelled: Option<bool>,
}

impl EndpointOptions {
    /// Everything as the server has it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Acknowledges requests of this endpoint when their method has ended, or when they get their place.
    #[must_use]
    pub fn late_acknowledgement(mut self, late: bool) -> Self {
        self.late_acknowledgement = Some(late);
        self
    }

    /// Drops methods of this endpoint whose caller has given up, or lets them run to their end.
    #[must_use]
    pub fn drop_cancelled(mut self, drop: bool) -> Self {
        self.drop_cancelled = Some(drop);
        self
    }

    /// What it comes to on a server.
    pub(super) fn resolve(self, server: Conduct) -> Conduct {
        Conduct {
            late_acknowledgement: self
                .late_acknowledgement
                .unwrap_or(server.late_acknowledgement),
            drop_cancelled: self.drop_cancelled.unwrap_or(server.drop_cancelled),
        }
    }
}

/// How the requests of one endpoint are gone about.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::rpc) struct Conduct {
    /// Acknowledge when the method has ended.
    pub(in crate::rpc) late_acknowledgement: bool,
    /// Drop the method when its caller gives up.
    pub(in crate::rpc) drop_cancelled: bool,
}
