//! The part of reply and fanout queues' names that tells them apart.

use std::sync::Arc;

use super::queue_manager::QueueManager;
use crate::wire::Id;

/// Draws one name for each queue, which keeps it over reconnects.
#[derive(Debug, Clone, Default)]
pub(super) enum QueueNames {
    /// 32 hex digits that nobody else has.
    #[default]
    Random,
    /// `use_queue_manager`: the same names after a restart.
    Steady(Arc<QueueManager>),
}

impl QueueNames {
    /// The next name; an error says what is wrong with the files that steady names are counted in.
    pub(super) async fn next(&self) -> Result<String, String> {
        let manager = match self {
            Self::Random => return Ok(Id::new().to_string()),
            Self::Steady(manager) => Arc::clone(manager),
        };
        let drawn = tokio::task::spawn_blocking(move || manager.next()).await;
        drawn
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())
    }

    /// Whether the queues are kept for whoever comes back under their names.
    pub(super) fn are_steady(&self) -> bool {
        matches!(self, Self::Steady(_))
    }
}
