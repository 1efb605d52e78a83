//! Events in batches.

use bergen_messaging::notify::{BatchOptions, Poison};

use super::*;
use crate::{notifications, url};

const BATCH: BatchOptions = BatchOptions {
    size: 3,
    within: Duration::from_secs(5),
};

#[tokio::test(start_paused = true)]
async fn a_batch_ends_at_its_size_or_its_time() {
    let transport = notifications(&url());
    let (endpoint, mut hear) = Endpoint::new(&[Priority::Info]);
    let listening = builder(&transport).endpoint(endpoint).batch(BATCH);
    let listener = listening.start().await.unwrap();
    sleep(Duration::from_mins(1)).await;
    let start = Instant::now();
    send_all(&transport, &["a", "b", "c", "d"], Priority::Info).await;
    let full = next(&mut hear).await;
    assert_eq!(full.event_types, ["a", "b", "c"]);
    assert_eq!((full.at - start).as_secs(), 0);
    let late = next(&mut hear).await;
    assert_eq!(late.event_types, ["d"]);
    assert_eq!(
        (late.at - start).as_secs(),
        5,
        "counted from the first event"
    );
    until(&listener, |listener| listener.stats().handled == 4).await;
    end(listener).await;
    assert!(left(&transport, "t", "info").await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn batches_are_of_one_priority_and_filtered() {
    let transport = notifications(&url());
    let (mut endpoint, mut hear) = Endpoint::new(&[Priority::Info, Priority::Error]);
    endpoint.filter = Some(Filter::default().event_type("[abd]").unwrap());
    let batch = BatchOptions { size: 5, ..BATCH };
    let listening = builder(&transport).endpoint(endpoint).batch(batch);
    let listener = listening.start().await.unwrap();
    send_all(&transport, &["a", "b", "c"], Priority::Info).await;
    send_all(&transport, &["d", "e"], Priority::Error).await;
    let mut told = [next(&mut hear).await, next(&mut hear).await];
    told.sort_by_key(|told| told.event_types.clone());
    assert_eq!(
        (&told[0].event_types[..], told[0].priority),
        (&["a".into(), "b".into()][..], Priority::Info)
    );
    assert_eq!(
        (&told[1].event_types[..], told[1].priority),
        (&["d".into()][..], Priority::Error)
    );
    until(&listener, |listener| {
        (listener.stats().handled, listener.stats().unwanted) == (3, 2)
    })
    .await;
    assert!(hear.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_requeued_as_a_whole() {
    let transport = notifications(&url());
    let (endpoint, mut hear) = Endpoint::new(&[Priority::Info]);
    let endpoint = endpoint.answers(|_, before| {
        Ok(if before == 0 {
            Handled::Requeue
        } else {
            Handled::Done
        })
    });
    let listening = builder(&transport)
        .endpoint(endpoint)
        .batch(BATCH)
        .allow_requeue();
    let listener = listening.start().await.unwrap();
    send_all(&transport, &["a", "b", "c"], Priority::Info).await;
    next(&mut hear).await;
    let mut again = next(&mut hear).await;
    again.event_types.sort();
    assert!(again.redelivered);
    assert_eq!(again.event_types, ["a", "b", "c"]);
    until(&listener, |listener| listener.stats().handled == 3).await;
    assert_eq!(listener.stats().requeued, 3);
}

#[tokio::test(start_paused = true)]
async fn one_bad_event_of_a_batch_does_not_take_the_others_with_it() {
    let transport = notifications(&url());
    let (endpoint, _hear) = Endpoint::new(&[Priority::Info]);
    let endpoint = endpoint.answers(|event, _| match event.notification().event_type.as_str() {
        "bad" => refused(),
        _ => Ok(Handled::Done),
    });
    let listening = builder(&transport).endpoint(endpoint).batch(BATCH);
    let listening = listening.poison(Poison::dead_letters("dead").attempts(2));
    let listener = listening.start().await.unwrap();
    send_all(&transport, &["a", "bad", "c"], Priority::Info).await;
    until(&listener, |listener| listener.stats().handled == 2).await;
    let stats = listener.stats();
    assert_eq!(
        (stats.failures, stats.dead_lettered),
        (3, 1),
        "once together, twice alone"
    );
    end(listener).await;
    let dead = left(&transport, "dead", "info").await;
    assert_eq!(dead[0].event_type, "bad");
    assert!(left(&transport, "t", "info").await.is_empty());
}
