//! Messages of peers that are broken, gone, or up to something.

use std::time::Duration;

use bergen_messaging::driver::ReplyError;
use bergen_messaging::wire::RawJson;
use bergen_testbed::TestVhost;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::harness::*;

fn properties() -> Value {
    json!({"content_type": "application/json", "content_encoding": "utf-8"})
}

fn envelope(payload: &Value) -> String {
    json!({"oslo.version": "2.0", "oslo.message": payload.to_string()}).to_string()
}

#[tokio::test]
async fn requests_that_cannot_be_decoded_are_rejected_and_the_server_lives_on() {
    let vhost = TestVhost::new("poison").await.unwrap();
    let server = Server::start(&vhost.url(), "compute", "one").await;
    let bodies = [
        "",
        "{",
        "[]",
        "null",
        "\u{0}",
        "{\"oslo.version\": \"3.0\", \"oslo.message\": \"{}\"}",
        "{\"oslo.version\": \"2.0\", \"oslo.message\": \"[\"}",
        "{\"method\": 7}",
    ];
    for body in bodies {
        let routed = vhost
            .management()
            .publish(vhost.name(), EXCHANGE, "compute", properties(), body)
            .await;
        assert!(routed.unwrap());
    }
    until(|| server.driver.stats().invalid_requests == bodies.len() as u64).await;
    let client = driver(&vhost.url());
    assert_eq!(
        result(&client, &topic("compute"), &request("echo", "{}")).await,
        "{}"
    );
    assert_eq!(server.driver.stats().requests, 1);
    assert_eq!(
        vhost
            .management()
            .take(vhost.name(), "compute", 10)
            .await
            .unwrap()
            .len(),
        0
    );
}

#[tokio::test]
async fn replies_that_are_broken_or_for_nobody_harm_no_call() {
    let vhost = TestVhost::new("bad-replies").await.unwrap();
    let server = Server::start(&vhost.url(), "compute", "one").await;
    let client = driver(&vhost.url());
    result(&client, &topic("compute"), &request("echo", "{}")).await;
    let queues = vhost.management().queues(vhost.name()).await.unwrap();
    let queue = queues
        .iter()
        .find_map(|queue| {
            queue["name"]
                .as_str()
                .filter(|name| name.starts_with("reply_"))
        })
        .unwrap();
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { result(&client, &topic("compute"), &request("hold", "[7]")).await }
    });
    server.wait_for(2).await;
    let stranger = json!({"result": 1, "failure": null, "ending": true, "_msg_id": "0".repeat(32)});
    let odd = json!({"result": 1, "failure": null, "ending": true, "_msg_id": "no id of ours"});
    for body in ["", "[1]", "{}", &envelope(&stranger), &envelope(&odd)] {
        assert!(
            vhost
                .management()
                .publish(vhost.name(), "amq.default", queue, properties(), body)
                .await
                .unwrap()
        );
    }
    until(|| client.stats().invalid_replies == 3 && client.stats().unknown_replies == 2).await;
    server.release();
    assert_eq!(waiting.await.unwrap(), "[7]");
}

#[tokio::test]
async fn answers_go_to_reply_queues_only() {
    let vhost = TestVhost::new("no-reply-queue").await.unwrap();
    let server = Server::start(&vhost.url(), "compute", "one").await;
    vhost
        .management()
        .declare_queue(vhost.name(), "victim", json!({}))
        .await
        .unwrap();
    let request =
        json!({"method": "echo", "args": {}, "_msg_id": "1".repeat(32), "_reply_q": "victim"});
    vhost
        .management()
        .publish(
            vhost.name(),
            EXCHANGE,
            "compute",
            properties(),
            &envelope(&request),
        )
        .await
        .unwrap();
    until(|| server.driver.stats().replies_refused == 1).await;
    assert_eq!(
        vhost
            .management()
            .take(vhost.name(), "victim", 1)
            .await
            .unwrap()
            .len(),
        0
    );
}

#[tokio::test]
async fn an_answer_to_a_missing_queue_is_tried_for_a_while_and_then_the_queue_is_known_as_gone() {
    let vhost = TestVhost::new("missing-reply-queue").await.unwrap();
    let url = format!("{}?kombu_missing_consumer_retry_timeout=1", vhost.url());
    let server = Server::start(&url, "compute", "one").await;
    for id in ["1", "2"] {
        let request = json!({"method": "keep", "args": {}, "_msg_id": id.repeat(32), "_reply_q": "reply_gone"});
        vhost
            .management()
            .publish(
                vhost.name(),
                EXCHANGE,
                "compute",
                properties(),
                &envelope(&request),
            )
            .await
            .unwrap();
    }
    server.wait_for(2).await;
    let held = std::mem::take(&mut *server.service.held.lock().unwrap());
    let gone = Err(ReplyError::NoRoute {
        queue: "reply_gone".to_owned(),
    });
    assert_eq!(held[0].keep_alive().await, gone);
    let start = Instant::now();
    assert_eq!(held[0].reply(Ok(RawJson::null())).await, gone);
    assert!(
        (950..2000).contains(&start.elapsed().as_millis()),
        "{:?}",
        start.elapsed()
    );
    let returned = server.driver.stats().replies_returned;
    assert!((4..=7).contains(&returned), "{returned}");
    let start = Instant::now();
    assert_eq!(held[1].reply(Ok(RawJson::null())).await, gone);
    assert!(
        start.elapsed() < Duration::from_millis(200),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(server.driver.stats().replies_returned, returned);
    assert_eq!(server.driver.stats().replies_dropped, 2);
}
