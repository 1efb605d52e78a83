//! Casts and fanouts.

use bergen_messaging::driver::SendError;
use bergen_messaging::rpc::CallError;
use serde_json::{Value, json};

use super::Subject;
use super::service::{SOON, Service, builder, client, context};

/// A cast to a topic runs on one of its servers.
pub async fn a_cast_reaches_one_server(subject: &Subject) {
    let servers = [
        Service::start(subject, "one").await,
        Service::start(subject, "two").await,
    ];
    let (transport, client) = client(subject);
    for number in 0..10 {
        let args = json!({"number": number});
        client.cast(&context(), "note", &args).await.unwrap();
    }
    // A call to each is behind its casts.
    let mut seen = Vec::new();
    while seen.len() < 10 {
        tokio::task::yield_now().await;
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        seen = servers.iter().flat_map(Service::seen).collect();
    }
    settle(&client).await;
    let notes = servers.iter().flat_map(Service::seen);
    let mut numbers: Vec<_> = notes
        .filter(|(method, _)| method == "note")
        .map(|(_, args)| args["number"].as_u64().unwrap())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..10).collect::<Vec<_>>());
    transport.close(SOON).await;
    for server in servers {
        server.stop().await;
    }
}

/// A cast that names a server reaches that one only.
pub async fn a_cast_to_one_server_goes_there(subject: &Subject) {
    let servers = [
        Service::start(subject, "one").await,
        Service::start(subject, "two").await,
    ];
    let (transport, client) = client(subject);
    let two = client.prepare().server("two");
    two.cast(&context(), "note", &json!({"n": 1}))
        .await
        .unwrap();
    assert_eq!(
        servers[1].wait_for(1).await,
        [("note".to_owned(), json!({"n": 1}))]
    );
    settle(&client).await;
    assert!(servers[0].seen().iter().all(|(method, _)| method != "note"));
    transport.close(SOON).await;
    for server in servers {
        server.stop().await;
    }
}

/// A fanout runs on every server of the topic, once on each.
pub async fn a_fanout_reaches_every_server_once(subject: &Subject) {
    let servers = [
        Service::start(subject, "one").await,
        Service::start(subject, "two").await,
        Service::start(subject, "three").await,
    ];
    let (transport, client) = client(subject);
    client
        .fanout(&context(), "note", &json!({"n": 1}))
        .await
        .unwrap();
    client
        .fanout(&context(), "note", &json!({"n": 2}))
        .await
        .unwrap();
    for server in &servers {
        let mut seen = server.wait_for(2).await;
        // Handlers of one server run side by side.
        seen.sort_by_key(|(_, args)| args["n"].as_u64());
        assert_eq!(
            seen,
            [
                ("note".to_owned(), json!({"n": 1})),
                ("note".to_owned(), json!({"n": 2}))
            ]
        );
    }
    transport.close(SOON).await;
    for server in servers {
        assert_eq!(server.seen().len(), 2);
        server.stop().await;
    }
}

/// Nobody misses a cast that nobody wants, unless the sender says so; nobody ever misses a fanout.
pub async fn a_cast_to_nobody_is_sent_and_one_that_must_arrive_is_not(subject: &Subject) {
    let (transport, builder) = builder(subject);
    let careless = builder.build();
    let nobody = careless.prepare().topic("nobody");
    nobody.cast(&context(), "note", &()).await.unwrap();
    let careful = nobody.prepare().at_least_once(true);
    let error = careful.cast(&context(), "note", &()).await.unwrap_err();
    assert!(
        matches!(&error, CallError::Send(SendError::Undeliverable { .. })),
        "{error:?}"
    );
    let everybody = careful.prepare().fanout(true);
    everybody.cast(&context(), "note", &()).await.unwrap();
    transport.close(SOON).await;
}

/// What one sender casts one after the other to one server arrives in that order.
pub async fn casts_of_one_sender_keep_their_order(subject: &Subject) {
    // One handler at a time, so that their order is that of the requests.
    let server = Service::limited(subject, "one", 1).await;
    let (transport, client) = client(subject);
    for number in 0..50 {
        let args = json!({"number": number});
        client.cast(&context(), "note", &args).await.unwrap();
    }
    let seen = server.wait_for(50).await;
    let numbers: Vec<_> = seen
        .iter()
        .map(|(_, args)| args["number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (0..50).collect::<Vec<_>>());
    transport.close(SOON).await;
    server.stop().await;
}

/// What was sent before has arrived when these calls are answered.
async fn settle(client: &bergen_messaging::rpc::RpcClient) {
    for _ in 0..4 {
        let _: Value = client.call(&context(), "echo", &()).await.unwrap();
    }
}
