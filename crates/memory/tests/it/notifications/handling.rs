//! What endpoints are told, and what the broker is.

use bergen_messaging::notify::ListenerError;

use super::*;
use crate::{notifications, url};

#[tokio::test(start_paused = true)]
async fn only_the_priorities_of_the_endpoints_are_taken() {
    let transport = notifications(&url());
    let (endpoint, mut hear) = Endpoint::new(&[Priority::Info, Priority::Audit]);
    let listener = builder(&transport)
        .endpoint(endpoint)
        .start()
        .await
        .unwrap();
    send(&transport, &event("a", Priority::Error)).await;
    send(&transport, &event("b", Priority::Audit)).await;
    let told = next(&mut hear).await;
    assert_eq!(
        (told.event_types.join(","), told.priority),
        ("b".into(), Priority::Audit)
    );
    assert!(!told.redelivered);
    until(&listener, |listener| listener.stats().handled == 1).await;
    end(listener).await;
    assert_eq!(
        left(&transport, "t", "error").await.len(),
        1,
        "it waits for another listener"
    );
    assert!(
        left(&transport, "t", "audit").await.is_empty(),
        "it was acknowledged"
    );
}

#[tokio::test(start_paused = true)]
async fn the_body_says_the_priority_in_any_case_and_not_the_queue() {
    let transport = notifications(&url());
    let (endpoint, mut hear) = Endpoint::new(&[Priority::Info, Priority::Error]);
    let (other, mut other_hears) = Endpoint::new(&[Priority::Info]);
    let listener = builder(&transport)
        .endpoint(endpoint)
        .endpoint(other)
        .start()
        .await
        .unwrap();
    let mut written_oddly = event("a", Priority::Error);
    written_oddly.priority = "eRRor".to_owned();
    send_to(&transport, "t", "info", &written_oddly).await;
    assert_eq!(next(&mut hear).await.priority, Priority::Error);
    written_oddly.priority = "urgent".to_owned();
    send_to(&transport, "t", "info", &written_oddly).await;
    written_oddly.priority = "DEBUG".to_owned();
    send_to(&transport, "t", "info", &written_oddly).await;
    until(&listener, |listener| {
        let stats = listener.stats();
        (stats.unknown_priority, stats.unwanted, stats.handled) == (1, 1, 1)
    })
    .await;
    end(listener).await;
    assert!(other_hears.try_recv().is_err());
    assert!(
        left(&transport, "t", "info").await.is_empty(),
        "all were acknowledged"
    );
}

#[tokio::test(start_paused = true)]
async fn each_endpoint_is_told_what_its_filter_lets_through() {
    let transport = notifications(&url());
    let (mut computes, mut compute_hears) = Endpoint::new(&[Priority::Info]);
    computes.filter = Some(Filter::default().event_type(r"compute\.").unwrap());
    let (all, mut all_hear) = Endpoint::new(&[Priority::Info]);
    let listener = builder(&transport)
        .endpoint(computes)
        .endpoint(all)
        .start()
        .await
        .unwrap();
    send_all(
        &transport,
        &["volume.create", "compute.create"],
        Priority::Info,
    )
    .await;
    assert_eq!(next_type(&mut compute_hears).await, "compute.create");
    let mut told = [
        next_type(&mut all_hear).await,
        next_type(&mut all_hear).await,
    ];
    told.sort();
    assert_eq!(told, ["compute.create", "volume.create"]);
    until(&listener, |listener| listener.stats().handled == 2).await;
    assert!(compute_hears.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn several_topics_and_exchanges_have_one_listener() {
    let transport = notifications(&url());
    let (endpoint, mut hear) = Endpoint::new(&[Priority::Info]);
    let targets = [
        ListenTarget::new("t"),
        ListenTarget::new("u").exchange("elsewhere"),
    ];
    let listening = NotificationListener::builder(&transport, targets).endpoint(endpoint);
    let _listener = listening.start().await.unwrap();
    send(&transport, &event("a", Priority::Info)).await;
    assert_eq!(next_type(&mut hear).await, "a");
    let elsewhere = Target::default().with_topic("u").with_exchange("elsewhere");
    let second = event("b", Priority::Info);
    let sending =
        transport.send_notification(&elsewhere, "info", &second, NotifyOptions::default());
    sending.await.unwrap();
    assert_eq!(next_type(&mut hear).await, "b");
}

#[tokio::test(start_paused = true)]
async fn each_pool_gets_one_copy_and_its_listeners_share_them() {
    let transport = notifications(&url());
    let (first, mut first_hears) = Endpoint::new(&[Priority::Info]);
    let (second, mut second_hears) = Endpoint::new(&[Priority::Info]);
    let (audit, mut audit_hears) = Endpoint::new(&[Priority::Info]);
    let start = |endpoint, pool| builder(&transport).endpoint(endpoint).pool(pool).start();
    let first = start(first, "meters").await.unwrap();
    let second = start(second, "meters").await.unwrap();
    let audit = start(audit, "audit").await.unwrap();
    let sent: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    let names: Vec<&str> = sent.iter().map(String::as_str).collect();
    send_all(&transport, &names, Priority::Info).await;
    until(&audit, |audit| audit.stats().handled == 20).await;
    until(&first, |first| {
        first.stats().handled + second.stats().handled == 20
    })
    .await;
    for listener in [first, second, audit] {
        end(listener).await;
    }
    let mut meters = Vec::new();
    while let Ok(told) = first_hears.try_recv() {
        meters.extend(told.event_types);
    }
    assert!(!meters.is_empty() && meters.len() < 20, "{meters:?}");
    while let Ok(told) = second_hears.try_recv() {
        meters.extend(told.event_types);
    }
    let mut audits = Vec::new();
    while let Ok(told) = audit_hears.try_recv() {
        audits.extend(told.event_types);
    }
    let mut expected = sent;
    for list in [&mut meters, &mut audits, &mut expected] {
        list.sort();
    }
    assert_eq!(meters, expected);
    assert_eq!(audits, expected);
}

#[tokio::test(start_paused = true)]
async fn what_is_to_be_requeued_comes_again_if_that_is_allowed() {
    let transport = notifications(&url());
    let requeue_once = |_: &ReceivedEvent, before| {
        Ok(if before == 0 {
            Handled::Requeue
        } else {
            Handled::Done
        })
    };
    let (endpoint, mut hear) = Endpoint::new(&[Priority::Info]);
    let (later, mut later_hears) = Endpoint::new(&[Priority::Info]);
    let listening = builder(&transport)
        .endpoint(endpoint.answers(requeue_once))
        .endpoint(later);
    let listener = listening.allow_requeue().start().await.unwrap();
    send(&transport, &event("a", Priority::Info)).await;
    assert!(!next(&mut hear).await.redelivered);
    assert!(next(&mut hear).await.redelivered);
    assert!(
        next(&mut later_hears).await.redelivered,
        "not told of the first"
    );
    until(&listener, |listener| listener.stats().handled == 1).await;
    let stats = listener.stats();
    assert_eq!(
        (stats.requeued, stats.requeue_refused, stats.duplicates),
        (1, 0, 0)
    );
    end(listener).await;
    assert!(left(&transport, "t", "info").await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_to_be_requeued_is_acknowledged_if_that_is_not_allowed() {
    let transport = notifications(&url());
    let (endpoint, mut hear) = Endpoint::new(&[Priority::Info]);
    let endpoint = endpoint.answers(|_, _| Ok(Handled::Requeue));
    let listener = builder(&transport)
        .endpoint(endpoint)
        .start()
        .await
        .unwrap();
    send(&transport, &event("a", Priority::Info)).await;
    until(&listener, |listener| listener.stats().requeue_refused == 1).await;
    end(listener).await;
    next(&mut hear).await;
    assert!(hear.try_recv().is_err());
    assert!(left(&transport, "t", "info").await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn stopping_finishes_what_runs_and_leaves_the_rest_to_others() {
    let transport = notifications(&url());
    let (mut endpoint, mut hear) = Endpoint::new(&[Priority::Info]);
    endpoint.takes = Duration::from_mins(1);
    let listening = builder(&transport).endpoint(endpoint).limit(1);
    let listener = listening.start().await.unwrap();
    send_all(&transport, &["a", "b", "c"], Priority::Info).await;
    let told = next(&mut hear).await;
    listener.stop();
    listener.wait().await.unwrap();
    assert_eq!(told.at.elapsed().as_secs(), 60, "it was finished");
    assert_eq!(listener.stats().handled, 1);
    listener.wait().await.unwrap();
    let left: Vec<_> = left(&transport, "t", "info").await;
    let left: Vec<_> = left.iter().map(|event| event.event_type.as_str()).collect();
    assert_eq!(left, ["b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn there_must_be_something_to_listen_for() {
    let transport = notifications(&url());
    let (nothing, _hear) = Endpoint::new(&[]);
    let started = builder(&transport).endpoint(nothing).start().await;
    assert!(matches!(started, Err(ListenerError::Nothing)));
    let (endpoint, _hear) = Endpoint::new(&[Priority::Info]);
    let nowhere = NotificationListener::builder(&transport, []).endpoint(endpoint);
    assert!(matches!(nowhere.start().await, Err(ListenerError::Nothing)));
    let (endpoint, _hear) = Endpoint::new(&[Priority::Info]);
    let unnamed = NotificationListener::builder(&transport, [ListenTarget::new("")]);
    let started = unnamed.endpoint(endpoint).start().await;
    assert!(
        matches!(started, Err(ListenerError::Listen(_))),
        "{started:?}"
    );
}
