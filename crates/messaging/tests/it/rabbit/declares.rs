//! Declarations that the broker refuses for reasons of its own, and starts that end half way.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bergen_messaging::driver::{Admission, IncomingRequest};
use bergen_messaging::driver::{Driver, ListenError, ListenOptions, RequestSink};
use bergen_testbed::{Direction, FaultProxy, TestVhost};
use serde_json::json;
use tokio::time::Instant;

use super::frames::{Fate, Frame, each_method};
use super::harness::*;

const DECLARE: (u16, u16) = (50, 10);
const DECLARE_OK: (u16, u16) = (50, 11);
const DELETE: (u16, u16) = (50, 40);
const CONSUME: (u16, u16) = (60, 20);
const CLOSE_CHANNEL: (u16, u16) = (20, 40);

async fn proxied(name: &str) -> (TestVhost, FaultProxy, String) {
    let vhost = TestVhost::new(name).await.unwrap();
    let proxy = FaultProxy::to_port(vhost.rabbit().port()).await.unwrap();
    let url = through(&vhost.url(), &proxy);
    (vhost, proxy, url)
}

type Log<T> = Arc<Mutex<Vec<T>>>;

/// The broker's answer for a queue whose node is gone is 404; a passive declaration of a missing queue gets the same.
#[tokio::test]
async fn a_queue_that_is_stuck_on_a_lost_node_is_deleted_and_declared_again() {
    let (vhost, proxy, url) = proxied("declare-404").await;
    let seen: Log<((u16, u16), bool)> = Arc::default();
    each_method(&proxy, Direction::ToServer, {
        let seen = Arc::clone(&seen);
        move |frame: &mut Frame| {
            let method = frame.method();
            if [DECLARE, DELETE].contains(&method) && frame.names("compute") {
                let mut seen = seen.lock().unwrap();
                let first = seen.is_empty();
                if first {
                    let flags = 7 + "compute".len();
                    frame.payload[flags] |= 1;
                }
                seen.push((method, first));
            }
            Fate::Passes
        }
    });
    let server = Server::start(&url, "compute", "one").await;
    let expected = [(DECLARE, true), (DELETE, false), (DECLARE, false)];
    assert_eq!(*seen.lock().unwrap(), expected);
    let client = driver(&vhost.url());
    assert_eq!(
        result(&client, &topic("compute"), &request("whoami", "{}")).await,
        "\"one\""
    );
    assert_eq!(server.driver.stats().reconnects, 0);
}

/// A stream is everybody's: deleted for one server, it was gone for the others, who then read on at a place that the
/// new one did not have.
#[tokio::test]
async fn a_stream_that_cannot_be_declared_just_now_is_not_deleted() {
    const STREAM: &str =
        "rabbit_stream_fanout=true&rabbit_transient_quorum_queue=true&rabbit_qos_prefetch_count=10";
    let (vhost, proxy, url) = proxied("declare-stream-404").await;
    let direct = format!("{}?{STREAM}", vhost.url());
    let first = Server::start(&direct, "compute", "one").await;
    let seen: Log<(u16, u16)> = Arc::default();
    each_method(&proxy, Direction::ToServer, {
        let seen = Arc::clone(&seen);
        move |frame: &mut Frame| {
            let method = frame.method();
            if [DECLARE, DELETE].contains(&method) && frame.names("compute_fanout") {
                let mut seen = seen.lock().unwrap();
                if seen.is_empty() {
                    // There is no queue of that name, which is to be there already.
                    frame.payload[7] = b'x';
                    let flags = 7 + "compute_fanout".len();
                    frame.payload[flags] |= 1;
                }
                seen.push(method);
            }
            Fate::Passes
        }
    });
    let second = Server::start(&format!("{url}?{STREAM}"), "compute", "two").await;
    assert_eq!(*seen.lock().unwrap(), [DECLARE, DECLARE]);
    let client = driver(&direct);
    let everybody = topic("compute").with_fanout(true);
    cast(&client, &everybody, &request("a", "{}")).await;
    first.wait_for_method("a").await;
    second.wait_for_method("a").await;
    assert_eq!(first.driver.stats().consumers_restored, 0);
}

/// A connection.close in place of the answer to the first declaration.
#[tokio::test]
async fn after_an_internal_error_the_declaration_is_repeated_two_seconds_later() {
    let (vhost, proxy, url) = proxied("declare-541").await;
    let declared: Log<Instant> = Arc::default();
    let failed: Log<Instant> = Arc::default();
    each_method(&proxy, Direction::ToServer, {
        let declared = Arc::clone(&declared);
        move |frame: &mut Frame| {
            if frame.method() == DECLARE && frame.names("compute") {
                declared.lock().unwrap().push(Instant::now());
            }
            Fate::Passes
        }
    });
    each_method(&proxy, Direction::ToClient, {
        let failed = Arc::clone(&failed);
        move |frame: &mut Frame| {
            let mut failed = failed.lock().unwrap();
            if frame.method() == DECLARE_OK && failed.is_empty() {
                failed.push(Instant::now());
                frame.channel = 0;
                frame.payload = [
                    &[0, 10, 0, 50, 0x02, 0x1D, 14][..],
                    b"INTERNAL_ERROR",
                    &[0, 50, 0, 10],
                ]
                .concat();
            }
            Fate::Passes
        }
    });
    let server = Server::start(&url, "compute", "one").await;
    let (declared, failed) = (
        declared.lock().unwrap().clone(),
        failed.lock().unwrap().clone(),
    );
    assert_eq!((declared.len(), failed.len()), (2, 1));
    let pause = declared[1] - failed[0];
    assert!(
        (Duration::from_secs(2)..Duration::from_secs(6)).contains(&pause),
        "{pause:?}"
    );
    let client = driver(&vhost.url());
    assert_eq!(
        result(&client, &topic("compute"), &request("whoami", "{}")).await,
        "\"one\""
    );
    assert_eq!(server.driver.stats().reconnects, 1);
}

/// The second subscription is lost on its way, so that one consumer of three stands when the start is given up.
#[tokio::test]
async fn a_start_that_is_given_up_half_way_takes_no_requests() {
    let (vhost, proxy, url) = proxied("half-open").await;
    let consuming: Log<u16> = Arc::default();
    let closed: Log<u16> = Arc::default();
    each_method(&proxy, Direction::ToServer, {
        let (consuming, closed) = (Arc::clone(&consuming), Arc::clone(&closed));
        move |frame: &mut Frame| match frame.method() {
            CONSUME if frame.names("compute.one") => Fate::Lost,
            CONSUME => {
                consuming.lock().unwrap().push(frame.channel);
                Fate::Passes
            }
            CLOSE_CHANNEL => {
                closed.lock().unwrap().push(frame.channel);
                Fate::Passes
            }
            _ => Fate::Passes,
        }
    });
    let driver = driver(&format!("{url}?bergen_listen_timeout=1"));
    let target = topic("compute").with_server("one");
    let listening = driver.listen(&target, ListenOptions::new(8), Arc::new(Nobody));
    let ended = listening.await.map(drop).unwrap_err();
    assert!(
        matches!(ended, ListenError::Unreachable { .. }),
        "{ended:?}"
    );
    let channel = {
        let consuming = consuming.lock().unwrap();
        assert_eq!(consuming.len(), 1, "one consumer stood");
        consuming[0]
    };
    let end = Instant::now() + Duration::from_secs(10);
    while !closed.lock().unwrap().contains(&channel) {
        assert!(
            Instant::now() < end,
            "the channel with the one consumer was left open"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // The connection lives, and what comes to the queue stays there.
    assert_eq!(proxy.connections(), 1);
    let management = vhost.management();
    let properties = json!({});
    let routed = management
        .publish(vhost.name(), "", "compute", properties, "kept")
        .await;
    assert!(routed.unwrap());
    let kept = management.take(vhost.name(), "compute", 1).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].body, "kept");
    close(&driver).await;
}

struct Nobody;

impl RequestSink for Nobody {
    fn request(&self, _: IncomingRequest) -> Admission {
        Admission::Taken
    }
}
