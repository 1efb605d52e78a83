//! The lanes of fanouts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::lane::Lane;

/// One lane for all fanouts; where they go by way of streams, one for each fanout exchange.
///
/// RabbitMQ 3.10 numbers the messages of a channel for each stream by itself. When the leader of a stream moves it
/// resends what is unconfirmed under the numbers of the channel instead, which are higher if the channel has published
/// anything else: what follows then looks like a copy of what the stream has, and is confirmed and dropped. A channel
/// that publishes to one stream alone has the same numbers for both.
#[derive(Debug)]
pub(super) struct Fanouts {
    shared: Arc<Lane>,
    by_exchange: Option<Mutex<HashMap<Arc<str>, Arc<Lane>>>>,
}

impl Fanouts {
    /// Bound of the exchanges that get a lane of their own; a connection has 2047 channels. The rest share one.
    const LANES: usize = 256;

    pub(super) fn new(shared: Lane, are_streams: bool) -> Self {
        Self {
            shared: Arc::new(shared),
            by_exchange: are_streams.then(Mutex::default),
        }
    }

    /// The lane of this exchange.
    pub(super) fn lane(&self, exchange: &Arc<str>) -> Arc<Lane> {
        let Some(by_exchange) = &self.by_exchange else {
            return Arc::clone(&self.shared);
        };
        let mut lanes = by_exchange.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get(exchange) {
            return Arc::clone(lane);
        }
        if lanes.len() == Self::LANES {
            return Arc::clone(&self.shared);
        }
        let lane = Arc::new(self.shared.another());
        lanes.insert(Arc::clone(exchange), Arc::clone(&lane));
        lane
    }

    /// Ends what is being published on any of them.
    pub(super) async fn close(&self) {
        let lanes = self.by_exchange.as_ref().map(|lanes| {
            let mut lanes = lanes.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *lanes)
        });
        for lane in lanes.unwrap_or_default().into_values() {
            lane.close().await;
        }
        self.shared.close().await;
    }
}
