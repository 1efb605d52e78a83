use std::time::Duration;

use super::pair::{Pair, client_config};
use crate::protocol::{ChannelCloseReason, CloseReason, Event, ServerConfig};

const INTERVAL: Duration = Duration::from_secs(10);
const NEARLY_TWO: Duration = Duration::from_secs(19);

fn pair() -> Pair {
    let mut client = client_config();
    client.heartbeat = INTERVAL;
    Pair::connected_with(client, ServerConfig::default(), 1)
}

#[test]
fn idle_peers_keep_each_other_alive() {
    let mut pair = pair();
    pair.advance(INTERVAL * 20);
    assert!(pair.client.connection.is_connected() && pair.server.connection.is_connected());
    for stats in [
        pair.client.connection.stats(),
        pair.server.connection.stats(),
    ] {
        // One each half interval.
        assert!((38..=40).contains(&stats.sent.heartbeats), "{stats:?}");
        assert!((38..=40).contains(&stats.received.heartbeats), "{stats:?}");
    }
}

#[test]
fn traffic_takes_the_place_of_heartbeats() {
    let mut pair = pair();
    let (channel, _) = pair.open_channel();
    let properties = super::with_id("1");
    for _ in 0..40 {
        pair.client
            .connection
            .publish(channel, &super::publish("q", &properties, "x"))
            .unwrap();
        pair.advance(INTERVAL / 4);
    }
    assert_eq!(pair.client.connection.stats().sent.heartbeats, 0);
    assert!(pair.server.connection.stats().sent.heartbeats > 10);
}

#[test]
fn twice_the_interval_without_a_byte_is_death() {
    let mut pair = pair();
    let (channel, _) = pair.open_channel();
    pair.silent = true;
    pair.advance(NEARLY_TWO);
    assert!(pair.client.connection.is_connected());
    pair.advance(Duration::from_secs(2));
    let reason = CloseReason::HeartbeatMissed { interval: INTERVAL };
    let Event::ChannelClosed {
        channel: closed,
        reason: of_channel,
        ..
    } = pair.client.event()
    else {
        panic!("the channel lives");
    };
    assert_eq!(closed, channel);
    assert_eq!(of_channel, ChannelCloseReason::Connection(reason.clone()));
    assert_eq!(pair.client.event(), Event::Closed { reason });
    assert!(!pair.client.connection.has_output(), "nobody would read it");
    assert!(pair.server.connection.is_closed());
}

#[test]
fn point_13_any_traffic_resets_the_count() {
    let mut pair = pair();
    for _ in 0..10 {
        // Silence for nearly twice the interval, then a sign of life, again and again.
        pair.silent = true;
        pair.advance(NEARLY_TWO);
        pair.silent = false;
        pair.client.inject(b"\x08\0\0\0\0\0\0\xce", pair.now);
        pair.server.inject(b"\x08\0\0\0\0\0\0\xce", pair.now);
        assert!(pair.client.connection.is_connected());
    }
    // A part of a frame counts as well.
    pair.silent = true;
    pair.advance(NEARLY_TWO);
    pair.client.inject(b"\x08\0\0", pair.now);
    pair.advance(INTERVAL);
    assert!(pair.client.connection.is_connected());
    pair.advance(INTERVAL);
    assert!(pair.client.connection.is_closed());
}

#[test]
fn without_heartbeats_silence_is_no_sin() {
    let mut client = client_config();
    client.heartbeat = Duration::ZERO;
    let mut pair = Pair::connected_with(client, ServerConfig::default(), 1);
    assert_eq!(pair.client.connection.poll_timeout(), None);
    pair.advance(Duration::from_secs(100_000));
    assert!(pair.client.connection.is_connected() && pair.server.connection.is_connected());
}

#[test]
fn an_early_timeout_does_nothing() {
    let mut pair = pair();
    let now = pair.now;
    pair.client.connection.handle_timeout(now);
    assert!(!pair.client.connection.has_output());
}
