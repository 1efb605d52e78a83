//! Stopping, draining, closing.

use bergen_messaging::driver::SendError;
use bergen_messaging::rpc::{CallError, ServerError};
use serde_json::{Value, json};

use super::Subject;
use super::service::{SOON, Service, client, context};

/// A server that stops finishes and answers what it took, and leaves what comes later in the queue.
pub async fn a_stopped_server_takes_nothing_new_and_finishes_what_it_took(subject: &Subject) {
    let server = Service::start(subject, "one").await;
    let (transport, client) = client(subject);
    let taken = tokio::spawn(client.call::<Value>(&context(), "hold", &json!({"n": 1})));
    server.wait_for(1).await;
    server.server.stop().await.unwrap();
    client
        .cast(&context(), "note", &json!({"n": 2}))
        .await
        .unwrap();
    server.release();
    assert_eq!(taken.await.unwrap().unwrap(), json!({"n": 1}));
    server.server.wait().await.unwrap();
    assert_eq!(server.seen().len(), 1, "{:?}", server.seen());
    assert_eq!(server.server.start().await, Err(ServerError::Stopped));
    server.transport.close(SOON).await;
    let next = Service::start(subject, "one").await;
    assert_eq!(
        next.wait_for(1).await,
        [("note".to_owned(), json!({"n": 2}))]
    );
    transport.close(SOON).await;
    next.stop().await;
}

/// Whoever waits learns that nothing comes any more.
pub async fn a_closed_transport_ends_the_calls_that_wait(subject: &Subject) {
    let server = Service::start(subject, "one").await;
    let (transport, client) = client(subject);
    let waiting = tokio::spawn(client.call::<Value>(&context(), "hold", &()));
    server.wait_for(1).await;
    transport.close(SOON).await;
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!(error, CallError::Send(SendError::Closed));
    // Twice is as good as once.
    transport.close(SOON).await;
    server.release();
    server.stop().await;
}

/// A closed transport says so.
pub async fn a_closed_transport_sends_nothing(subject: &Subject) {
    let server = Service::start(subject, "one").await;
    let (transport, client) = client(subject);
    let _: Value = client.call(&context(), "echo", &()).await.unwrap();
    transport.close(SOON).await;
    let called = client.call::<Value>(&context(), "echo", &()).await;
    assert_eq!(called.unwrap_err(), CallError::Send(SendError::Closed));
    let cast = client.cast(&context(), "note", &()).await;
    assert_eq!(cast.unwrap_err(), CallError::Send(SendError::Closed));
    assert_eq!(server.seen().len(), 1);
    server.stop().await;
}

/// The queue of a topic outlives its servers, and what waits there with it.
pub async fn requests_wait_for_the_next_server(subject: &Subject) {
    Service::start(subject, "one").await.stop().await;
    let (transport, client) = client(subject);
    client
        .cast(&context(), "note", &json!({"n": 1}))
        .await
        .unwrap();
    let waiting = tokio::spawn(client.call::<String>(&context(), "whoami", &()));
    tokio::task::yield_now().await;
    let server = Service::start(subject, "two").await;
    assert_eq!(waiting.await.unwrap().unwrap(), "two");
    server.wait_for(2).await;
    transport.close(SOON).await;
    server.stop().await;
}
