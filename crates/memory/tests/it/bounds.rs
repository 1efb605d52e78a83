//! What a bus holds is bounded.

use std::sync::Arc;
use std::time::Duration;

use bergen_memory::MemoryDriver;
use bergen_messaging::driver::{
    Admission, Bound, CallOptions, CastOptions, Driver, Finding, IncomingRequest, ListenOptions,
    NotifyOptions, RequestSink, SendError,
};
use bergen_messaging::notify::{Notification, Priority};
use bergen_messaging::target::Target;
use bergen_messaging::wire::{OutgoingRequest, RawJson};
use tokio::time::Instant;

use super::url;

struct Nobody;

impl RequestSink for Nobody {
    fn request(&self, _: IncomingRequest) -> Admission {
        Admission::Held
    }
}

fn driver(query: &str) -> MemoryDriver {
    let url = format!("{}/?{query}", url()).parse().unwrap();
    MemoryDriver::new(&url, "openstack").unwrap()
}

fn request() -> OutgoingRequest {
    OutgoingRequest::new("note", RawJson::empty_object())
}

#[tokio::test(start_paused = true)]
async fn no_more_calls_wait_than_are_allowed() {
    let driver = driver("bergen_max_waiting_calls=2");
    let target = Target::default().with_topic("t").with_server("s");
    let listening = driver
        .listen(&target, ListenOptions::new(10), Arc::new(Nobody))
        .await;
    let _listening = listening.unwrap();
    let options = || CallOptions::new(Instant::now() + Duration::from_secs(5));
    let request = request();
    let (one, two, three) = tokio::join!(
        driver.call(&target, &request, options()),
        driver.call(&target, &request, options()),
        driver.call(&target, &request, options()),
    );
    assert!(one.unwrap_err().is_timeout() && two.unwrap_err().is_timeout());
    assert_eq!(three, Err(SendError::Overloaded(Bound::WaitingCalls(2))));
    let again = driver.call(&target, &request, options()).await.unwrap_err();
    assert!(again.is_timeout(), "their places are free again: {again}");
    let stats = driver.stats();
    assert_eq!(
        (stats.calls, stats.requests, stats.waiting_calls),
        (4, 3, 0)
    );
}

#[tokio::test]
async fn what_nobody_takes_is_bounded() {
    let driver = driver("bergen_max_waiting_bytes=20000");
    let target = Target::default().with_topic("notifications");
    let event = Notification::new("me", "event", Priority::Info, RawJson::null());
    let send = || driver.send_notification(&target, "info", &event, NotifyOptions::default());
    let mut sent = 0;
    let refused = loop {
        match send().await {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
        assert!(sent < 1000, "there is no bound");
    };
    assert_eq!(refused, SendError::Overloaded(Bound::WaitingBytes(20_000)));
    assert_eq!(driver.queue("notifications.info").unwrap().messages, sent);
    let cast = driver
        .cast(&target, &request(), CastOptions::default())
        .await;
    assert_eq!(
        cast,
        Err(SendError::Overloaded(Bound::WaitingBytes(20_000)))
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ran_out_of_time_says_whether_anybody_listens() {
    let driver = driver("");
    let target = Target::default().with_topic("t").with_server("s");
    let listening = driver
        .listen(&target, ListenOptions::new(10), Arc::new(Nobody))
        .await;
    listening.unwrap().close().await;
    let topic = Target::default().with_topic("t");
    let options = CallOptions::new(Instant::now() + Duration::from_secs(5));
    let SendError::Timeout(timeout) = driver.call(&topic, &request(), options).await.unwrap_err()
    else {
        panic!("no timeout")
    };
    assert_eq!(
        timeout.findings,
        [Finding::NoConsumer {
            queue: "t".to_owned()
        }]
    );
    assert_eq!(timeout.waited, Duration::from_secs(5));
    // It has expired with its caller's patience.
    assert_eq!(driver.queue("t").unwrap().messages, 0);
}
