//! What a queue counts.

/// What happened in a queue since it was declared. Rates are differences of these.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueCounters {
    /// Messages that came.
    pub published: u64,
    /// Deliveries that await an acknowledgement.
    pub delivered: u64,
    /// Deliveries without acknowledgement.
    pub delivered_no_ack: u64,
    /// Fetched by `basic.get`, to be acknowledged.
    pub got: u64,
    /// Fetched by `basic.get`, without acknowledgement.
    pub got_no_ack: u64,
    /// `basic.get` that found nothing.
    pub got_empty: u64,
    /// Of all deliveries, those of messages that were delivered before.
    pub redelivered: u64,
    /// Acknowledged.
    pub acknowledged: u64,
    /// Rejected without requeue.
    pub rejected: u64,
    /// Given back.
    pub requeued: u64,
    /// Gone by expiration.
    pub expired: u64,
    /// Dropped from the head, as the queue was too long.
    pub dropped: u64,
    /// Not taken, as the queue was too long.
    pub refused: u64,
    /// Gone as they were given back too often.
    pub delivery_limit: u64,
    /// Purged.
    pub purged: u64,
}
