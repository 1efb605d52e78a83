//! Prefetch, acknowledgement, and what comes again.

use std::time::Duration;

use bergen_messaging::driver::{IncomingRequest, ReplyError};
use bergen_messaging::target::Target;
use bergen_messaging::transport::{Requests, RpcTransport};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::Subject;
use super::service::{SOON, Service, TOPIC, client, context};

/// A listener is handed as many requests as it may hold, and the next when it has acknowledged one.
pub async fn no_more_is_handed_over_than_the_prefetch_allows(subject: &Subject) {
    let (listening, mut requests) = listen(subject, "raw", 2).await;
    let (transport, client) = client(subject);
    for number in 0..4 {
        client
            .cast(&context(), "note", &json!({"number": number}))
            .await
            .unwrap();
    }
    let first = next(&mut requests).await;
    let second = next(&mut requests).await;
    nothing(&mut requests).await;
    first.acknowledge().unwrap();
    let third = next(&mut requests).await;
    nothing(&mut requests).await;
    second.acknowledge().unwrap();
    third.acknowledge().unwrap();
    let fourth = next(&mut requests).await;
    fourth.acknowledge().unwrap();
    let numbers = [first, second, third, fourth].map(|incoming| number(&incoming));
    assert_eq!(numbers, [0, 1, 2, 3]);
    requests.close().await;
    transport.close(SOON).await;
    listening.close(SOON).await;
}

/// A request that is given back comes again and says so.
pub async fn what_is_requeued_comes_again(subject: &Subject) {
    let (listening, mut requests) = listen(subject, "raw", 1).await;
    listening.require_requeue().unwrap();
    let (transport, client) = client(subject);
    client
        .cast(&context(), "note", &json!({"number": 1}))
        .await
        .unwrap();
    let incoming = next(&mut requests).await;
    assert!(!incoming.redelivered);
    incoming.requeue().unwrap();
    let again = next(&mut requests).await;
    assert_eq!((number(&again), again.redelivered), (1, true));
    assert_eq!(again.request.unique_id, incoming.request.unique_id);
    again.acknowledge().unwrap();
    nothing(&mut requests).await;
    requests.close().await;
    transport.close(SOON).await;
    listening.close(SOON).await;
}

/// When a listener goes, what it did not acknowledge goes to another; the old handle is of no use then.
pub async fn what_was_not_acknowledged_goes_to_another_listener(subject: &Subject) {
    let (first_transport, mut first) = listen(subject, "one", 5).await;
    let (transport, client) = client(subject);
    client
        .cast(&context(), "note", &json!({"number": 1}))
        .await
        .unwrap();
    let incoming = next(&mut first).await;
    let (second_transport, mut second) = listen(subject, "two", 5).await;
    first.close().await;
    let again = next(&mut second).await;
    assert_eq!((number(&again), again.redelivered), (1, true));
    assert_eq!(incoming.acknowledge(), Err(ReplyError::ConnectionLost));
    again.acknowledge().unwrap();
    second.close().await;
    transport.close(SOON).await;
    first_transport.close(SOON).await;
    second_transport.close(SOON).await;
}

/// What is acknowledged is over, whatever becomes of the listener.
pub async fn what_is_acknowledged_does_not_come_again(subject: &Subject) {
    let (first_transport, mut first) = listen(subject, "one", 5).await;
    let (transport, client) = client(subject);
    client
        .cast(&context(), "note", &json!({"number": 1}))
        .await
        .unwrap();
    client
        .cast(&context(), "note", &json!({"number": 2}))
        .await
        .unwrap();
    for _ in 0..2 {
        next(&mut first).await.acknowledge().unwrap();
    }
    first.close().await;
    let (second_transport, mut second) = listen(subject, "two", 5).await;
    nothing(&mut second).await;
    second.close().await;
    transport.close(SOON).await;
    first_transport.close(SOON).await;
    second_transport.close(SOON).await;
}

/// A server that has no free place keeps requests waiting, and answers them all in the end.
pub async fn requests_beyond_the_limit_wait_and_run_later(subject: &Subject) {
    let server = Service::limited(subject, "one", 2).await;
    let (transport, client) = client(subject);
    let calls: Vec<_> = (0..20)
        .map(|number| {
            let args = json!({"ms": 5, "number": number});
            tokio::spawn(client.call::<Value>(&context(), "sleep", &args))
        })
        .collect();
    for (number, call) in calls.into_iter().enumerate() {
        let answer = call.await.unwrap().unwrap();
        assert_eq!(answer["number"].as_u64(), Some(number as u64));
    }
    assert_eq!(server.seen().len(), 20);
    transport.close(SOON).await;
    server.stop().await;
}

async fn listen(subject: &Subject, server: &str, prefetch: u16) -> (RpcTransport, Requests) {
    let transport = subject.rpc();
    let target = Target::default().with_topic(TOPIC).with_server(server);
    let requests = transport.listen(&target, prefetch).await.unwrap();
    (transport, requests)
}

async fn next(requests: &mut Requests) -> IncomingRequest {
    let incoming = timeout(SOON, requests.next()).await;
    incoming.expect("no request came").unwrap()
}

/// Nothing comes, for as long as a message takes several times over.
async fn nothing(requests: &mut Requests) {
    let incoming = timeout(Duration::from_millis(250), requests.next()).await;
    if let Ok(Ok(incoming)) = incoming {
        panic!("a request came that should not: {incoming:?}");
    }
}

fn number(incoming: &IncomingRequest) -> u64 {
    let args: Value = incoming.request.args.decode().unwrap();
    args["number"].as_u64().unwrap()
}
