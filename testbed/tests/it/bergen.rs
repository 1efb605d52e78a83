//! Our own broker as a program.

use bergen_testbed::BergenBroker;
use serde_json::json;

#[tokio::test]
async fn our_broker_starts_answers_and_goes_with_its_owner() {
    let broker = BergenBroker::start(&[]).await.unwrap();
    assert!(
        broker
            .url("v")
            .starts_with("rabbit://guest:guest@127.0.0.1:")
    );
    assert!(broker.url("v").ends_with("/v"));
    let management = broker.management();
    management.create_vhost("v").await.unwrap();
    let options = json!({"durable": true});
    management.declare_queue("v", "q", options).await.unwrap();
    let queue = management.queue("v", "q").await.unwrap();
    assert_eq!(
        (&queue["durable"], &queue["messages"]),
        (&json!(true), &json!(0))
    );
    drop(broker);
    assert!(management.overview().await.is_err());
}
