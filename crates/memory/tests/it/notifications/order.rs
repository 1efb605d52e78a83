//! How many events run at once, and in which order.

use super::*;
use crate::{notifications, url};

/// An event of one publisher.
fn of(publisher: &str, event_type: &str) -> Notification {
    Notification {
        publisher_id: Some(publisher.to_owned()),
        ..event(event_type, Priority::Info)
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_run_at_once_than_the_limit_says() {
    let transport = notifications(&url());
    let (mut endpoint, mut hear) = Endpoint::new(&[Priority::Info]);
    endpoint.takes = Duration::from_secs(10);
    let start = Instant::now();
    let listening = builder(&transport).endpoint(endpoint).limit(3);
    let listener = listening.start().await.unwrap();
    send_all(
        &transport,
        &["1", "2", "3", "4", "5", "6", "7"],
        Priority::Info,
    )
    .await;
    until(&listener, |listener| listener.stats().handled == 7).await;
    let mut at = Vec::new();
    while let Ok(told) = hear.try_recv() {
        at.push((told.at - start).as_secs());
    }
    assert_eq!(at, [0, 0, 0, 10, 10, 10, 20]);
}

#[tokio::test(start_paused = true)]
async fn the_events_of_a_publisher_run_one_after_another_and_others_beside_them() {
    let transport = notifications(&url());
    let (mut endpoint, mut hear) = Endpoint::new(&[Priority::Info]);
    endpoint.takes = Duration::from_secs(10);
    let start = Instant::now();
    let listening = builder(&transport).endpoint(endpoint).order_per_publisher();
    let listener = listening.start().await.unwrap();
    for event_type in ["a1", "a2", "b1", "a3", "b2", "c1"] {
        send(&transport, &of(&event_type[..1], event_type)).await;
    }
    until(&listener, |listener| listener.stats().handled == 6).await;
    let mut told = Vec::new();
    while let Ok(one) = hear.try_recv() {
        told.push(((one.at - start).as_secs(), one.event_types.join(",")));
    }
    told.sort();
    let expected = [
        (0, "a1"),
        (0, "b1"),
        (0, "c1"),
        (10, "a2"),
        (10, "b2"),
        (20, "a3"),
    ];
    assert_eq!(told, expected.map(|(at, name)| (at, name.to_owned())));
    end(listener).await;
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_its_publisher_goes_back_when_the_listener_stops() {
    let transport = notifications(&url());
    let (mut endpoint, mut hear) = Endpoint::new(&[Priority::Info]);
    endpoint.takes = Duration::from_secs(10);
    let listening = builder(&transport).endpoint(endpoint).order_per_publisher();
    let listener = listening.start().await.unwrap();
    send_all(&transport, &["a", "b", "c"], Priority::Info).await;
    next(&mut hear).await;
    sleep(Duration::from_secs(1)).await;
    end(listener).await;
    let left: Vec<_> = left(&transport, "t", "info").await;
    let left: Vec<_> = left.iter().map(|event| event.event_type.as_str()).collect();
    assert_eq!(left, ["b", "c"], "in their order");
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_may_have_a_limit_of_its_own() {
    let transport = notifications(&url());
    let (mut slow, mut slow_hears) = Endpoint::new(&[Priority::Info]);
    let (mut quick, mut quick_hears) = Endpoint::new(&[Priority::Info]);
    slow.takes = Duration::from_secs(10);
    quick.takes = Duration::from_secs(1);
    let start = Instant::now();
    let listening = builder(&transport).endpoint(quick).limit(5);
    let listening = listening.endpoint_with_limit(slow, 2);
    let listener = listening.start().await.unwrap();
    send_all(&transport, &["1", "2", "3", "4", "5"], Priority::Info).await;
    until(&listener, |listener| listener.stats().handled == 5).await;
    let seconds = |hear: &mut mpsc::UnboundedReceiver<Told>| {
        let told = std::iter::from_fn(|| hear.try_recv().ok());
        told.map(|told| ((told.at - start).as_secs(), told.event_types.join(",")))
            .collect::<Vec<_>>()
    };
    let times = |expected: [(u64, &str); 5]| expected.map(|(at, name)| (at, name.to_owned()));
    let at_once = [(0, "1"), (0, "2"), (0, "3"), (0, "4"), (0, "5")];
    assert_eq!(seconds(&mut quick_hears), times(at_once));
    let in_twos = [(1, "1"), (1, "2"), (11, "3"), (11, "4"), (21, "5")];
    assert_eq!(seconds(&mut slow_hears), times(in_twos));
    end(listener).await;
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_its_endpoint_goes_back_when_the_listener_stops() {
    let transport = notifications(&url());
    let (mut endpoint, mut hear) = Endpoint::new(&[Priority::Info]);
    endpoint.takes = Duration::from_secs(10);
    let listening = builder(&transport).endpoint_with_limit(endpoint, 0);
    let listener = listening.start().await.unwrap();
    send_all(&transport, &["a", "b", "c"], Priority::Info).await;
    let told = next(&mut hear).await;
    sleep(Duration::from_secs(1)).await;
    end(listener).await;
    assert_eq!(told.at.elapsed(), Duration::from_secs(10));
    let left: Vec<_> = left(&transport, "t", "info").await;
    let left: Vec<_> = left.iter().map(|event| event.event_type.as_str()).collect();
    assert_eq!(left, ["b", "c"], "in their order");
}
