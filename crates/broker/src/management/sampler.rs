//! Looks at the broker's counters from time to time, for rates.

use std::sync::Arc;
use std::time::Instant;

use tokio::time::{MissedTickBehavior, interval};

use super::api::Api;
use super::connections::{channel_counters, connection_counters, message_stats};
use super::overview::churn;
use super::queues::row::{Row, depth};
use super::rates::{Counters, INTERVAL, Key, MAX_SAMPLED};
use crate::server::State;

/// Runs until the broker ends.
pub(super) async fn run(api: &Api) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Ok(counters) = api.ask(|state| counters(state)).await else {
            return;
        };
        api.rates.borrow_mut().note(Instant::now(), counters);
    }
}

fn counters(state: &State) -> Vec<(Key, Counters)> {
    let mut all = Vec::new();
    let mut broker = message_stats(&state.totals()).to_vec();
    broker.extend(churn(state));
    let mut queues = Vec::new();
    let mut waiting = (0, 0);
    for vhost in state.virtual_hosts() {
        let Some(host) = state.host(vhost) else {
            continue;
        };
        let (mut ready, mut unacknowledged) = (0, 0);
        for info in host.queues() {
            ready += info.ready;
            unacknowledged += info.unacknowledged;
            if queues.len() < MAX_SAMPLED {
                let row = Row::copy(vhost, &info);
                queues.push((row.key(), row.counters()));
            }
        }
        waiting = (waiting.0 + ready, waiting.1 + unacknowledged);
        let mut counters = depth(ready, unacknowledged).to_vec();
        counters.extend(message_stats(&state.host_totals(vhost).unwrap_or_default()));
        all.push((Key::VirtualHost(Arc::clone(vhost)), counters));
    }
    broker.extend(depth(waiting.0, waiting.1));
    all.push((Key::Broker, broker));
    all.extend(queues);
    all.extend(
        state
            .connections()
            .iter()
            .take(MAX_SAMPLED)
            .map(connection_counters),
    );
    all.extend(
        state
            .channels()
            .iter()
            .take(MAX_SAMPLED)
            .map(channel_counters),
    );
    all
}
