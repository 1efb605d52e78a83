//! Events that can't be handled.

use bergen_messaging::notify::Poison;
use serde_json::Value;

use super::*;
use crate::{notifications, url};

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_fails_is_asked_again_after_a_pause() {
    let transport = notifications(&url());
    let (first, mut first_hears) = Endpoint::new(&[Priority::Info]);
    let (endpoint, mut hear) = Endpoint::new(&[Priority::Info]);
    let endpoint = endpoint.answers(|_, before| {
        if before < 2 {
            refused()
        } else {
            Ok(Handled::Done)
        }
    });
    let listening = builder(&transport).endpoint(first).endpoint(endpoint);
    let listening = listening.poison(Poison::dropped().pause(Duration::from_secs(1)));
    let listener = listening.start().await.unwrap();
    let start = Instant::now();
    send(&transport, &event("a", Priority::Info)).await;
    for seconds in [0, 1, 3] {
        assert_eq!((next(&mut hear).await.at - start).as_secs(), seconds);
    }
    until(&listener, |listener| listener.stats().handled == 1).await;
    let stats = listener.stats();
    assert_eq!((stats.failures, stats.dropped), (2, 0));
    next(&mut first_hears).await;
    assert!(first_hears.try_recv().is_err(), "it was done at once");
}

#[tokio::test(start_paused = true)]
async fn what_never_succeeds_is_dropped_and_counted() {
    let transport = notifications(&url());
    let (endpoint, mut hear) = Endpoint::new(&[Priority::Info]);
    let listening = builder(&transport).endpoint(endpoint.answers(|_, _| refused()));
    let listener = listening.start().await.unwrap();
    send(&transport, &event("a", Priority::Info)).await;
    until(&listener, |listener| listener.stats().dropped == 1).await;
    let stats = listener.stats();
    assert_eq!((stats.failures, stats.handled, stats.requeued), (3, 0, 0));
    end(listener).await;
    for _ in 0..3 {
        assert!(!next(&mut hear).await.redelivered);
    }
    assert!(hear.try_recv().is_err());
    assert!(left(&transport, "t", "info").await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_says_why() {
    let transport = notifications(&url());
    let (endpoint, _hear) = Endpoint::new(&[Priority::Warn]);
    let listening = builder(&transport).endpoint(endpoint.answers(|_, _| refused()));
    let poison = Poison::dead_letters("dead").attempts(2);
    let listener = listening.poison(poison).start().await.unwrap();
    let mut sent = event("a", Priority::Warn);
    sent.context.insert("user", "ada").unwrap();
    send(&transport, &sent).await;
    until(&listener, |listener| listener.stats().dead_lettered == 1).await;
    end(listener).await;
    let dead = left(&transport, "dead", "warn").await;
    assert_eq!(dead.len(), 1);
    let letter: Value = dead[0].context.get("bergen_dead_letter").unwrap().unwrap();
    assert_eq!(letter["reason"], "the database is on strike");
    assert_eq!(letter["attempts"], 2);
    assert_eq!(
        dead[0].context.get::<String>("user").unwrap().unwrap(),
        "ada"
    );
    assert_eq!(dead[0].message_id, sent.message_id);
    assert_eq!(dead[0].payload, sent.payload);
    assert!(left(&transport, "t", "warn").await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_and_nothing_else_suffers() {
    let transport = notifications(&url());
    let (endpoint, _hear) = Endpoint::new(&[Priority::Info]);
    let endpoint = endpoint.answers(|event, _| {
        assert_ne!(event.notification().event_type, "bad");
        Ok(Handled::Done)
    });
    let listening = builder(&transport).endpoint(endpoint);
    let listening = listening.poison(Poison::dead_letters("dead").attempts(1));
    let listener = listening.start().await.unwrap();
    send_all(&transport, &["bad", "good"], Priority::Info).await;
    until(&listener, |listener| {
        (listener.stats().handled, listener.stats().dead_lettered) == (1, 1)
    })
    .await;
    end(listener).await;
    let dead = left(&transport, "dead", "info").await;
    let letter: Value = dead[0].context.get("bergen_dead_letter").unwrap().unwrap();
    let reason = letter["reason"].as_str().unwrap();
    assert!(reason.starts_with("panic: "), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn stopping_does_not_wait_for_further_attempts() {
    let transport = notifications(&url());
    let (endpoint, mut hear) = Endpoint::new(&[Priority::Info]);
    let listening = builder(&transport).endpoint(endpoint.answers(|_, _| refused()));
    let poison = Poison::dropped().pause(Duration::from_secs(50));
    let listener = listening.poison(poison).start().await.unwrap();
    send(&transport, &event("a", Priority::Info)).await;
    let told = next(&mut hear).await;
    sleep(Duration::from_secs(1)).await;
    end(listener).await;
    assert_eq!(told.at.elapsed().as_secs(), 1);
    assert_eq!(
        left(&transport, "t", "info").await.len(),
        1,
        "another may do better"
    );
}

/// Whose filter panics.
struct Unfiltered(mpsc::UnboundedSender<()>);

impl NotificationEndpoint for Unfiltered {
    fn priorities(&self) -> Vec<Priority> {
        vec![Priority::Info]
    }

    fn filter(&self) -> Option<&Filter> {
        panic!("on purpose")
    }

    fn notify<'a>(
        &'a self,
        _event: &'a ReceivedEvent,
    ) -> BoxFuture<'a, Result<Handled, EndpointError>> {
        let _ = self.0.send(());
        Box::pin(async { Ok(Handled::Done) })
    }
}

/// It ended the listener.
#[tokio::test(start_paused = true)]
async fn a_filter_that_panics_lets_everything_through() {
    let transport = notifications(&url());
    let (told, mut hear) = mpsc::unbounded_channel();
    let listener = builder(&transport).endpoint(Unfiltered(told));
    let listener = listener.start().await.unwrap();
    for event_type in ["a", "b"] {
        send(&transport, &event(event_type, Priority::Info)).await;
        hear.recv().await.unwrap();
    }
    until(&listener, |listener| listener.stats().handled == 2).await;
    end(listener).await;
}
