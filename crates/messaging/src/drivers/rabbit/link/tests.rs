use std::net::Ipv4Addr;

use tokio::net::TcpListener;
use tokio::time::timeout;

use super::*;

/// Pauses that do not make a test wait.
fn quick() -> BackoffPolicy {
    BackoffPolicy {
        start: Duration::from_millis(5),
        step: Duration::ZERO,
        max: Duration::from_millis(5),
        after_loss: Duration::ZERO,
    }
}

fn link(ports: &[u16]) -> (Link, Arc<LinkCounters>) {
    let options = |port: &u16| ConnectOptions {
        host: Ipv4Addr::LOCALHOST.to_string(),
        port: *port,
        ..ConnectOptions::default()
    };
    let link = Link::new(&LinkSettings {
        role: "test",
        hosts: ports.iter().map(options).collect(),
        failover: Failover::RoundRobin,
        backoff: quick(),
    });
    let counters = Arc::clone(&link.counters);
    (link, counters)
}

/// A port that nobody listens on.
async fn dead_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    listener.local_addr().unwrap().port()
}

#[tokio::test]
async fn nothing_is_opened_before_it_is_needed() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let (link, _) = link(&[listener.local_addr().unwrap().port()]);
    assert!(link.current().is_none());
    assert!(
        timeout(Duration::from_millis(50), listener.accept())
            .await
            .is_err()
    );
    link.close().await;
}

#[tokio::test]
async fn one_attempt_is_one_round_over_all_hosts() {
    let (link, counters) = link(&[dead_port().await, dead_port().await]);
    let failure = link.epoch(Retry::Times(0)).await.unwrap_err();
    assert!(
        matches!(
            failure,
            ConnectFailure::Failed(ConnectError::Unreachable { .. })
        ),
        "{failure:?}"
    );
    assert_eq!(counters.failed_attempts.value(), 2);
    assert!(link.trouble().is_some());
}

#[tokio::test]
async fn further_attempts_are_further_rounds() {
    let (link, counters) = link(&[dead_port().await]);
    link.epoch(Retry::Times(3)).await.unwrap_err();
    assert!(counters.failed_attempts.value() >= 4);
}

#[tokio::test]
async fn who_waits_for_ever_is_bounded_by_a_deadline_only() {
    let (link, counters) = link(&[dead_port().await]);
    let waited = timeout(Duration::from_millis(200), link.epoch(Retry::Forever)).await;
    assert!(waited.is_err());
    assert!(counters.failed_attempts.value() > 4);
}

#[tokio::test]
async fn closing_ends_all_waiting_for_good() {
    let (link, _) = link(&[dead_port().await]);
    let (waited, ()) = tokio::join!(link.epoch(Retry::Forever), async {
        tokio::task::yield_now().await;
        link.close().await;
    });
    assert_eq!(waited.unwrap_err(), ConnectFailure::Closed);
    assert_eq!(
        link.epoch(Retry::Forever).await.unwrap_err(),
        ConnectFailure::Closed
    );
    link.close().await;
}

/// They grew to 30 s: a client that was cut off every second could not use its connection for longer than its calls
/// waited.
#[tokio::test]
async fn pauses_grow_while_connections_die_at_once_and_start_anew_after_one_that_lived() {
    let (link, _) = link(&[dead_port().await]);
    let mut worker = link.idle.lock().unwrap().take().unwrap();
    worker.backoff = BackoffPolicy {
        start: Duration::from_secs(2),
        step: Duration::from_secs(10),
        max: Duration::from_secs(30),
        after_loss: Duration::from_secs(1),
    };
    let soon = Duration::from_secs(1);
    let nominal = [(0, 1), (1, 2), (5, 5), (5, 5), (5, 5)];
    for (least, most) in nominal {
        let pause = worker.pause_after_loss(soon);
        let range = Duration::from_secs(least)..=Duration::from_secs(most);
        assert!(range.contains(&pause), "{pause:?} is not in {range:?}");
    }
    for lived in [STABLE, soon] {
        let pause = worker.pause_after_loss(lived);
        assert!(pause <= Duration::from_secs(1), "{lived:?}: {pause:?}");
    }
    assert!(worker.pause_after_loss(soon) >= Duration::from_secs(1));
}
