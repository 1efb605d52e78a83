//! A broker that restarts: a node of its own for each test.

use std::time::Duration;

use bergen_messaging::driver::{Finding, SendError};
use bergen_testbed::RabbitNode;

use super::harness::*;

#[tokio::test]
async fn a_call_is_answered_although_the_broker_restarts_while_it_runs() {
    let mut node = RabbitNode::start_default().await.unwrap();
    let url = node.url("/");
    let server = Server::start(&url, "compute", "one").await;
    let client = driver(&url);
    let waiting = tokio::spawn({
        let client = client.clone();
        async move {
            let sleep = request("sleep", r#"{"ms": 10000}"#);
            call(&client, &topic("compute"), &sleep, Duration::from_mins(1)).await
        }
    });
    server.wait_for(1).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    node.restart().await.unwrap();
    assert_eq!(
        waiting.await.unwrap().unwrap().unwrap().as_str(),
        r#"{"ms": 10000}"#
    );
    assert_eq!(server.wait_for(1).await.len(), 1);
}

#[tokio::test]
async fn a_killed_broker_comes_back_with_the_same_queues_and_loses_no_call_silently() {
    let mut node = RabbitNode::start_default().await.unwrap();
    let url = node.url("/");
    let server = Server::start(&url, "compute", "one").await;
    let client = driver(&url);
    result(&client, &topic("compute"), &request("echo", "{}")).await;
    let names = async |node: &RabbitNode| -> Vec<String> {
        let queues = node.management().queues("/").await.unwrap();
        let mut names: Vec<String> = queues
            .iter()
            .map(|queue| queue["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    let before = names(&node).await;
    assert_eq!(before.len(), 4);
    // Its reply queue is lost while it waits, and it is never answered.
    let unanswered = tokio::spawn({
        let client = client.clone();
        async move {
            call(
                &client,
                &topic("compute"),
                &request("hold", "{}"),
                Duration::from_secs(40),
            )
            .await
        }
    });
    server.wait_for(2).await;
    node.kill().await.unwrap();
    // Made while there is no broker. The cast is confirmed, and lost if no server is back by then, as the peer's.
    let patient = tokio::spawn({
        let client = client.clone();
        async move {
            call(
                &client,
                &topic("compute"),
                &request("echo", "[1]"),
                Duration::from_mins(1),
            )
            .await
        }
    });
    let patient_cast = tokio::spawn({
        let client = client.clone();
        async move { cast(&client, &topic("compute"), &request("poke", "{}")).await }
    });
    node.start().await.unwrap();
    assert_eq!(patient.await.unwrap().unwrap().unwrap().as_str(), "[1]");
    patient_cast.await.unwrap();
    cast(
        &client,
        &topic("compute").with_fanout(true),
        &request("all", "{}"),
    )
    .await;
    server.wait_for_method("all").await;
    assert_eq!(names(&node).await, before);
    let SendError::Timeout(timeout) = unanswered.await.unwrap().unwrap_err() else {
        panic!("no timeout")
    };
    assert!(
        timeout.findings.contains(&Finding::ReplyQueueRecreated),
        "{timeout:?}"
    );
}
