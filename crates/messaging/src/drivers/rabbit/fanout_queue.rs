//! The queue by which a server hears fanouts.

use std::sync::Arc;

use super::consumers::OwnQueue;
use super::settings::Settings;
use super::stream::StreamPosition;
use super::topology::{Topology, fanout_queue_name};
use crate::driver::ListenError;

/// A queue of the server's own, or the stream of its topic.
#[derive(Debug)]
pub(super) struct FanoutQueue {
    pub(super) name: Arc<str>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Own { deleted_on_close: bool },
    Stream(StreamPosition),
}

impl FanoutQueue {
    /// Decides on the queue of one server, once: it stays over reconnects.
    pub(super) async fn draw(
        settings: &Settings,
        topology: &Topology,
        topic: &str,
    ) -> Result<Self, ListenError> {
        if let Some(stream) = topology.fanout_stream(topic) {
            let position = StreamPosition::new(Arc::clone(&stream), settings.tuning.stream_offset);
            return Ok(Self {
                name: stream,
                kind: Kind::Stream(position),
            });
        }
        let id = settings.queue_names.next().await;
        let id = id.map_err(|cause| ListenError::Failed { cause })?;
        Ok(Self {
            name: fanout_queue_name(topic, id).into(),
            kind: Kind::Own {
                deleted_on_close: !settings.queue_names.are_steady(),
            },
        })
    }

    /// The same for those who consume it: a queue of its own, or a position in a stream. A stream is everybody's: it is
    /// never deleted.
    pub(super) fn into_parts(self) -> (Option<OwnQueue>, Option<Arc<StreamPosition>>) {
        match self.kind {
            Kind::Own { deleted_on_close } => {
                let own = OwnQueue {
                    name: self.name,
                    deleted_on_close,
                    recreated: |counters| &counters.fanout_queues_recreated,
                };
                (Some(own), None)
            }
            Kind::Stream(position) => (None, Some(Arc::new(position))),
        }
    }
}
