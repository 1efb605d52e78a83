//! The arguments of `basic.consume`.

use bergen_amqp::codec::FieldTable;

use super::{QueueKind, check::integer};
use crate::core::{Refusal, stream::StreamStart};

/// What a consumer asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::core) struct ConsumerArguments {
    /// `x-priority`: higher ones get messages first. Default 0.
    pub(in crate::core) priority: i64,
    /// `x-stream-offset`: where to begin in a stream. Default `next`.
    pub(in crate::core) start: StreamStart,
}

impl ConsumerArguments {
    /// Refuses what RabbitMQ refuses for a queue of this type.
    pub(in crate::core) fn parse(
        host: &str,
        queue: &str,
        kind: QueueKind,
        arguments: &FieldTable<'_>,
    ) -> Result<Self, Refusal> {
        let mut parsed = Self {
            priority: 0,
            start: StreamStart::Next,
        };
        for (name, value) in arguments.iter() {
            let invalid = |why: String| {
                Refusal::precondition_failed(format_args!(
                    "invalid arg '{name}' for queue '{queue}' in vhost '{host}'{why}"
                ))
            };
            let offered = match name {
                "x-priority" => kind != QueueKind::Stream,
                "x-cancel-on-ha-failover" => kind == QueueKind::Classic,
                "x-stream-offset" => kind == QueueKind::Stream,
                _ => true,
            };
            if !offered {
                return Err(invalid(format!(
                    " of queue type rabbit_{}_queue",
                    kind.name()
                )));
            }
            match name {
                "x-priority" => {
                    parsed.priority = integer(value).map_err(|why| invalid(format!(": {why}")))?;
                }
                "x-stream-offset" => {
                    parsed.start =
                        StreamStart::parse(value).map_err(|why| invalid(format!(": {why}")))?;
                }
                _ => {}
            }
        }
        Ok(parsed)
    }
}
