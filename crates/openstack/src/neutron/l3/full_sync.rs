//! Fetching all routers of a host.

use std::collections::HashSet;

use bergen_messaging::rpc::CallError;
use bergen_messaging::wire::Context;
use tokio::time::Instant;

use super::{L3PluginClient, Router};

/// Fetches all routers of a host, in chunks whose size follows what the server can answer in time.
///
/// It begins with 256 routers. After a timeout a chunk has half as many, at least 32; after each answer 32 more again,
/// at most 256. The size outlives a synchronisation: one that failed goes on smaller the next time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullSync {
    chunk: usize,
}

/// A synchronisation ended early.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("routers could not be fetched: {0}; the next pass tries again")]
pub struct SyncError(#[from] pub CallError);

impl FullSync {
    /// The largest chunk, and the first.
    pub const MAX_CHUNK: usize = 256;
    /// The smallest chunk.
    pub const MIN_CHUNK: usize = 32;

    /// Begins with the largest chunks.
    pub fn new() -> Self {
        Self {
            chunk: Self::MAX_CHUNK,
        }
    }

    /// How many routers the next chunk has.
    pub fn chunk(&self) -> usize {
        self.chunk
    }

    /// Asks for the ids of the host's routers, then for the routers, and hands over each chunk with the time before it
    /// was asked for: what happened to those routers since is not in it. Routers that were not asked for are left out.
    /// Gives all ids, so that the agent can drop what
    /// else it has.
    ///
    /// # Errors
    /// The first call that failed; what was handed over before it is good.
    pub async fn run(
        &mut self,
        client: &L3PluginClient,
        ctxt: &Context,
        mut each: impl FnMut(Vec<Router>, Instant),
    ) -> Result<Vec<String>, SyncError> {
        let ids = client.get_router_ids(ctxt).await?;
        let mut rest = ids.as_slice();
        while !rest.is_empty() {
            let (chunk, later) = rest.split_at(self.chunk.min(rest.len()));
            let asked = Instant::now();
            match client.sync_routers(ctxt, Some(chunk)).await {
                Ok(mut routers) => {
                    // Others would stay: nothing that is said later is about them.
                    let wanted: HashSet<&str> = chunk.iter().map(String::as_str).collect();
                    routers.retain(|router| wanted.contains(router.id.as_str()));
                    each(routers, asked);
                }
                Err(error) => {
                    if error.is_timeout() {
                        self.shrink();
                    }
                    return Err(error.into());
                }
            }
            self.chunk = (self.chunk + Self::MIN_CHUNK).min(Self::MAX_CHUNK);
            rest = later;
        }
        Ok(ids)
    }

    fn shrink(&mut self) {
        self.chunk = (self.chunk / 2).max(Self::MIN_CHUNK);
        tracing::error!(
            "the server did not give the routers in time; the next chunk has {}",
            self.chunk
        );
    }
}

impl Default for FullSync {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
