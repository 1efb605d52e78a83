//! One bus for each name, for as long as somebody uses it.

use bergen_messaging::driver::SendError;
use bergen_messaging::rpc::{CallError, RpcClient};
use bergen_messaging::target::Target;
use bergen_messaging::wire::Context;
use serde_json::{Value, json};

use super::{client, notifications, options, rpc, server, try_rpc, url};

async fn is_answered(client: &RpcClient) -> bool {
    let answer = client.call::<Value>(&Context::default(), "echo", &json!({"a": 1}));
    match answer.await {
        Ok(answer) => {
            assert_eq!(answer, json!({"a": 1}));
            true
        }
        Err(CallError::Send(SendError::NoServer { .. })) => false,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn drivers_meet_on_the_bus_of_their_name_and_on_no_other() {
    let (here, elsewhere) = (url(), url());
    let transport = rpc(&here);
    let server = server(&transport, "s");
    server.start().await.unwrap();
    assert!(is_answered(&client(&rpc(&here))).await);
    assert!(!is_answered(&client(&rpc(&elsewhere))).await);
    assert!(!is_answered(&client(&rpc(&format!("{here}/other")))).await);
    // The peer's name for such a driver, and another way to write the same bus.
    let fake = here.replace("memory://", "fake://").to_uppercase();
    assert!(is_answered(&client(&rpc(&fake.replace("FAKE", "fake")))).await);
    assert!(is_answered(&client(&rpc(&format!("{here}:5672/")))).await);
}

#[tokio::test]
async fn a_bus_goes_with_its_last_user() {
    let here = url();
    let first = notifications(&here);
    let notifier = bergen_messaging::notify::Notifier::new(&first, "me");
    notifier
        .info(&Context::default(), "kept", &())
        .await
        .unwrap();
    drop((notifier, first));
    let second = notifications(&here);
    let pairs = [(
        Target::default().with_topic("notifications"),
        "info".to_owned(),
    )];
    let mut listening = second.listen(&pairs, None, 5).await.unwrap();
    let notifier = bergen_messaging::notify::Notifier::new(&second, "me");
    notifier
        .info(&Context::default(), "new", &())
        .await
        .unwrap();
    let incoming = listening.next().await.unwrap();
    assert_eq!(
        incoming.notification.event_type, "new",
        "the bus before is gone"
    );
    incoming.acknowledge().unwrap();
    listening.close().await;
}

#[tokio::test]
async fn exchanges_are_apart_but_not_for_fanouts() {
    let here = url();
    let nova = rpc(&here);
    let server = server(&nova, "s");
    server.start().await.unwrap();
    let client = client(&nova);
    let elsewhere = client.prepare().exchange("neutron");
    let called = elsewhere
        .call::<Value>(&Context::default(), "echo", &())
        .await;
    assert!(
        matches!(called, Err(CallError::Send(SendError::NoServer { .. }))),
        "{called:?}"
    );
    // As on RabbitMQ: the fanout exchange of a topic has no control exchange in its name.
    elsewhere
        .prepare()
        .fanout(true)
        .cast(&Context::default(), "echo", &())
        .await
        .unwrap();
    let _: Value = client.call(&Context::default(), "echo", &()).await.unwrap();
    assert_eq!(server.stats().received, 2);
}

#[test]
fn options_that_are_unknown_or_wrong_are_refused() {
    for (query, words) in [
        (
            "heartbeat_rate=3",
            "heartbeat_rate is unknown; known are bergen_no_server_grace",
        ),
        (
            "bergen_max_waiting_calls=0",
            "bergen_max_waiting_calls must be a whole number of at least 1",
        ),
        (
            "bergen_no_server_grace=-1",
            "bergen_no_server_grace must be seconds from 0 to 3600",
        ),
        ("bergen_cancel=maybe", "bergen_cancel must be true or false"),
    ] {
        let error = try_rpc(&format!("memory://b/?{query}"))
            .unwrap_err()
            .to_string();
        assert!(error.contains(words), "{error}");
    }
    let all = "bergen_max_waiting_calls=1&bergen_max_waiting_bytes=2&bergen_no_server_grace=0.5&bergen_cancel=no";
    try_rpc(&format!("memory://b/?{all}")).unwrap();
}

#[tokio::test]
async fn what_comes_to_a_queue_of_another_kind_is_dropped() {
    let here = url();
    let transport = rpc(&here);
    // Its queue has the name of the queue of notifications.
    let target = Target::default()
        .with_topic("notifications")
        .with_server("info");
    let mut requests = transport.listen(&target, 5).await.unwrap();
    let sender = notifications(&here);
    let notifier = bergen_messaging::notify::Notifier::new(&sender, "me");
    notifier
        .info(&Context::default(), "event", &())
        .await
        .unwrap();
    let to_it = RpcClient::builder(&transport, target).build();
    to_it.cast(&Context::default(), "note", &()).await.unwrap();
    let incoming = requests.next().await.unwrap();
    assert_eq!(incoming.request.method.as_str(), "note");
    let _ = options(&here);
}
