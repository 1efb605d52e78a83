//! Python as the other side of what the conformance page says of servers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bergen::rpc::{
    Call, Connection, DynamicEndpoint, Endpoint, Expected, MethodError, RpcClient, RpcServer,
};
use bergen::target::{ClientTarget, EndpointTarget, ServerTarget, Target};
use bergen::transport::{NotificationTransport, TransportOptions};
use bergen::wire::{Failure, RawJson};
use bergen_interop::{Custom, PythonClient, PythonServer, RustServer, Service, transport};
use bergen_testbed::{PythonPeer, TestVhost};
use serde_json::{Value, json};

use crate::support::eventually;

const TOPIC: &str = "compute";

/// The same service as an endpoint, and to ask what it did.
fn service() -> (Arc<Service>, Arc<dyn Endpoint>) {
    let service = Arc::new(Service::default());
    (Arc::clone(&service), service)
}

async fn until_executed(service: &Service, count: u64) {
    eventually("the requests", || async {
        service.executed.load(Ordering::Relaxed) == count
    })
    .await;
}

#[tokio::test]
async fn a_consumer_hears_topic_server_and_fanout_whatever_its_flag_says() {
    let vhost = TestVhost::new("row-a13").await.unwrap();
    let transport = transport(&vhost.url()).unwrap();
    let mut connection = Connection::new(&transport);
    let mut services = Vec::new();
    for (topic, fanout) in [("plain", false), ("fanned", true)] {
        let (service, endpoint) = service();
        connection.create_consumer(topic, [endpoint], fanout);
        services.push((topic, service));
    }
    connection.consume_in_threads().await.unwrap();
    let host = transport.host();
    for (topic, service) in &services {
        let client = PythonClient::start(&vhost.url(), topic, json!({}))
            .await
            .unwrap();
        let nothing = || json!({});
        for target in [json!({}), json!({"server": host})] {
            let answer = client
                .call("none", nothing(), target.clone(), nothing())
                .await
                .unwrap();
            assert_eq!(answer["result"], Value::Null, "{topic} {target}: {answer}");
        }
        client
            .cast("none", nothing(), json!({"fanout": true}), nothing())
            .await
            .unwrap();
        until_executed(service, 3).await;
    }
    connection.close().await.unwrap();
}

#[tokio::test]
async fn closing_a_connection_finishes_the_calls_of_all_its_servers_and_takes_no_new_ones() {
    let vhost = TestVhost::new("row-a15").await.unwrap();
    let mut connection = Connection::new(&transport(&vhost.url()).unwrap());
    let mut parts = Vec::new();
    for topic in ["one", "two"] {
        let (service, endpoint) = service();
        connection.create_consumer(topic, [endpoint], false);
        let client = PythonClient::start(&vhost.url(), topic, json!({}))
            .await
            .unwrap();
        parts.push((service, client));
    }
    connection.consume_in_threads().await.unwrap();
    let slow = |client: &'static str, seconds: f64| json!({"seconds": seconds, "value": client});
    let [(one, first), (two, second)] = &parts[..] else {
        unreachable!()
    };
    let in_flight = async {
        tokio::join!(
            first.call("slow", slow("one", 2.0), json!({}), json!({})),
            second.call("slow", slow("two", 1.0), json!({}), json!({})),
        )
    };
    let closing = async {
        until_executed(one, 1).await;
        until_executed(two, 1).await;
        connection.close().await.unwrap();
    };
    let ((first_answer, second_answer), ()) = tokio::join!(in_flight, closing);
    assert_eq!(first_answer.unwrap()["result"], json!("one"));
    assert_eq!(second_answer.unwrap()["result"], json!("two"));
    for (service, client) in &parts {
        let late = client
            .call("none", json!({}), json!({}), json!({"timeout": 1}))
            .await
            .unwrap();
        assert_eq!(late["error"]["type"], json!("MessagingTimeout"), "{late}");
        assert_eq!(service.executed.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn a_service_is_client_and_server_on_one_transport() {
    let vhost = TestVhost::new("row-a20").await.unwrap();
    let python = PythonServer::start(&vhost.url(), "python", "host-1", json!({}))
        .await
        .unwrap();
    let transport = transport(&vhost.url()).unwrap();
    let onward = RpcClient::new(&transport, ClientTarget::new("python"));
    let relay = DynamicEndpoint::new(EndpointTarget::new()).method("relay", move |call: Call| {
        let onward = onward.clone();
        async move { onward.call::<RawJson>(&call.context, "whoami", &()).await }
    });
    let server = RpcServer::builder(&transport, ServerTarget::new(TOPIC, "host-1"))
        .endpoint(relay)
        .build();
    server.start().await.unwrap();
    let client = PythonClient::start(&vhost.url(), TOPIC, json!({}))
        .await
        .unwrap();
    let more = json!({"ctxt": {"user_id": "u1"}});
    let answer = client
        .call("relay", json!({}), json!({}), more)
        .await
        .unwrap();
    assert_eq!(answer["result"]["ctxt"]["user_id"], json!("u1"), "{answer}");
    assert_eq!(python.executed("whoami").await.unwrap(), 1);
}

#[tokio::test]
async fn a_failure_of_a_listed_module_is_rebuilt_and_of_another_is_not() {
    let vhost = TestVhost::new("row-a28").await.unwrap();
    let transport = transport(&vhost.url()).unwrap();
    let failing = DynamicEndpoint::new(EndpointTarget::new()).method("fail", |_: Call| async {
        let failure = Failure::new("oslo_messaging.exceptions", "MessagingTimeout", "too late");
        Err::<(), _>(MethodError::from(failure))
    });
    let server = RpcServer::builder(&transport, ServerTarget::new(TOPIC, "host-1"))
        .endpoint(failing)
        .build();
    server.start().await.unwrap();
    for (exmods, kind) in [
        (
            json!(["oslo_messaging.exceptions"]),
            "MessagingTimeout_Remote",
        ),
        (json!(["oslo_messaging"]), "RemoteError"),
        (json!([]), "RemoteError"),
    ] {
        let client = PythonClient::start(&vhost.url(), TOPIC, json!({"exmods": exmods}))
            .await
            .unwrap();
        let error = &client
            .call("fail", json!({}), json!({}), json!({}))
            .await
            .unwrap()["error"];
        assert_eq!(error["type"], json!(kind), "{exmods}: {error}");
        assert!(
            error["str"].as_str().unwrap().contains("too late"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn one_url_means_the_same_to_both() {
    let plain = TestVhost::new("row-a30").await.unwrap();
    let rabbit = plain.rabbit();
    let name = format!("{}/a b", plain.name());
    rabbit.management().create_vhost(&name).await.unwrap();
    let login = format!("{}:{}", rabbit.user(), rabbit.password());
    // A host that is down, a virtual host that has to be escaped, and an option.
    let hosts = format!("{login}@127.0.0.1:1,{login}@127.0.0.1:{}", rabbit.port());
    let url = format!(
        "rabbit://{hosts}/{}%2Fa%20b?amqp_durable_queues=true",
        plain.name()
    );
    let server = RustServer::start(&transport(&url).unwrap(), TOPIC, "host-1")
        .await
        .unwrap();
    let client = PythonClient::start(&url, TOPIC, json!({})).await.unwrap();
    let answer = client
        .call("add", json!({"a": 1, "b": 2}), json!({}), json!({}))
        .await
        .unwrap();
    let queues = rabbit.management().queues(&name).await.unwrap();
    drop((server, client));
    rabbit.management().delete_vhost(&name).await.unwrap();
    assert_eq!(answer["result"], json!(3), "{answer}");
    assert!(
        queues
            .iter()
            .any(|queue| queue["name"] == TOPIC && queue["durable"] == true),
        "{queues:?}"
    );
}

/// Requests by hand, and what is answered to `reply_by_hand`.
struct ByHand(PythonPeer);

impl ByHand {
    async fn new(vhost: &TestVhost) -> Self {
        let raw = PythonPeer::start("raw.py", &json!({"url": vhost.url()}))
            .await
            .unwrap();
        raw.request(json!({"op": "declare", "queue": "reply_by_hand"}))
            .await
            .unwrap();
        Self(raw)
    }

    async fn send(&self, request: &Value) {
        let body = json!({"oslo.version": "2.0", "oslo.message": request.to_string()}).to_string();
        let publish = json!({"op": "publish", "routing_key": TOPIC, "body": body});
        let answer = self.0.request(publish).await.unwrap();
        assert!(answer.get("error").is_none(), "{answer}");
    }

    /// The payload of the next answer; null if none came.
    async fn answer(&self, seconds: u32) -> Value {
        let get = json!({"op": "get", "queue": "reply_by_hand", "seconds": seconds});
        let message = self.0.request(get).await.unwrap()["message"].clone();
        let Some(body) = message["body"].as_str() else {
            return Value::Null;
        };
        let envelope: Value = serde_json::from_str(body).unwrap();
        serde_json::from_str(envelope["oslo.message"].as_str().unwrap()).unwrap()
    }
}

#[tokio::test]
async fn the_same_message_twice_runs_once() {
    let vhost = TestVhost::new("row-b31").await.unwrap();
    let server = RustServer::start(&transport(&vhost.url()).unwrap(), TOPIC, "host-1")
        .await
        .unwrap();
    let by_hand = ByHand::new(&vhost).await;
    let id = "0123456789abcdef0123456789abcdef";
    let call = json!({"method": "none", "args": {}, "_unique_id": id, "_msg_id": "1", "_reply_q": "reply_by_hand"});
    by_hand.send(&call).await;
    by_hand.send(&call).await;
    assert_eq!(by_hand.answer(10).await["_msg_id"], json!("1"));
    eventually("the copy", || async {
        server.server().stats().duplicates == 1
    })
    .await;
    assert_eq!(server.executed(), 1);
    assert_eq!(by_hand.answer(0).await, Value::Null);
    // It was acknowledged all the same.
    let queue = vhost.management().queue(vhost.name(), TOPIC).await.unwrap();
    assert_eq!(
        queue["messages_unacknowledged"]
            .as_u64()
            .unwrap_or_default(),
        0
    );
}

#[tokio::test]
async fn a_request_without_a_method_is_answered_with_a_failure_as_python_answers_it() {
    let vhost = TestVhost::new("row-b33").await.unwrap();
    let by_hand = ByHand::new(&vhost).await;
    let request = json!({"args": {}, "_msg_id": "1", "_reply_q": "reply_by_hand"});
    let failure = async || -> Value {
        by_hand.send(&request).await;
        let answer = by_hand.answer(10).await;
        assert_eq!(
            (&answer["ending"], &answer["result"]),
            (&json!(true), &Value::Null),
            "{answer}"
        );
        serde_json::from_str(answer["failure"].as_str().unwrap()).unwrap()
    };
    let server = RustServer::start(&transport(&vhost.url()).unwrap(), TOPIC, "host-1")
        .await
        .unwrap();
    let ours = failure().await;
    assert_eq!(
        ours["module"],
        json!("oslo_messaging.rpc.dispatcher"),
        "{ours}"
    );
    assert_eq!(ours["class"], json!("NoSuchMethod"));
    server.stop().await.unwrap();
    let _python = PythonServer::start(&vhost.url(), TOPIC, "host-1", json!({}))
        .await
        .unwrap();
    assert_eq!(
        failure().await["class"],
        json!("TypeError"),
        "the class is what differs"
    );
}

#[tokio::test]
async fn expected_and_unexpected_failures_look_alike_to_python() {
    let vhost = TestVhost::new("row-b35").await.unwrap();
    let transport = transport(&vhost.url()).unwrap();
    let failure = || Custom::Value("no".to_owned());
    let endpoint = DynamicEndpoint::new(EndpointTarget::new())
        .method("expected", move |_: Call| async move {
            Err::<(), _>(Expected(failure()))
        })
        .method("unexpected", move |_: Call| async move {
            Err::<(), _>(failure())
        })
        .method("fine", |_: Call| async { Ok::<_, MethodError>("fine") });
    let server = RpcServer::builder(&transport, ServerTarget::new(TOPIC, "host-1"))
        .endpoint(endpoint)
        .build();
    server.start().await.unwrap();
    let client = PythonClient::start(&vhost.url(), TOPIC, json!({}))
        .await
        .unwrap();
    let call = async |method| {
        client
            .call(method, json!({}), json!({}), json!({}))
            .await
            .unwrap()
    };
    assert_eq!(call("fine").await["result"], json!("fine"));
    for method in ["expected", "unexpected"] {
        assert_eq!(
            call(method).await["error"]["type"],
            json!("ValueError"),
            "{method}"
        );
    }
    let stats = server.stats();
    assert_eq!(
        (stats.succeeded, stats.expected_failures, stats.failed),
        (1, 1, 1)
    );
}

#[tokio::test]
async fn a_base_api_stands_beside_the_programs_own_under_its_namespace() {
    let vhost = TestVhost::new("row-b39").await.unwrap();
    let transport = transport(&vhost.url()).unwrap();
    let base = DynamicEndpoint::new(EndpointTarget::new().namespace("baseapi").version((1, 1)))
        .method("ping", |call: Call| async move {
            let arg = call.arguments.member("arg").unwrap_or_else(RawJson::null);
            Ok::<_, MethodError>(
                json!({"service": "conductor", "arg": arg.decode::<Value>().unwrap()}),
            )
        })
        .method("get_backdoor_port", |_: Call| async {
            Ok::<_, MethodError>(None::<u16>)
        });
    let (_, manager) = service();
    let server = RpcServer::builder(&transport, ServerTarget::new(TOPIC, "host-1"))
        .shared_endpoint(manager)
        .endpoint(base)
        .build();
    server.start().await.unwrap();
    let client = PythonClient::start(&vhost.url(), TOPIC, json!({}))
        .await
        .unwrap();
    let target = || json!({"namespace": "baseapi", "version": "1.0"});
    let answer = client
        .call("ping", json!({"arg": [1]}), target(), json!({}))
        .await
        .unwrap();
    assert_eq!(
        answer["result"],
        json!({"service": "conductor", "arg": [1]}),
        "{answer}"
    );
    let answer = client
        .call("get_backdoor_port", json!({}), target(), json!({}))
        .await
        .unwrap();
    assert_eq!(answer["result"], Value::Null, "{answer}");
    let answer = client
        .call("add", json!({"a": 1, "b": 2}), json!({}), json!({}))
        .await
        .unwrap();
    assert_eq!(answer["result"], json!(3), "{answer}");
}

#[tokio::test]
async fn notifications_of_python_come_in_batches() {
    let vhost = TestVhost::new("row-c13").await.unwrap();
    let options = TransportOptions::default().url(vhost.url().parse().unwrap());
    let transport = NotificationTransport::new(options).unwrap();
    let peer = json!({"url": vhost.url(), "topic": "notifications"});
    let python = PythonPeer::start("notifications.py", &peer).await.unwrap();
    let pairs = [(
        Target::default().with_topic("notifications"),
        "info".to_owned(),
    )];
    let mut notifications = transport.listen(&pairs, None, 10).await.unwrap();
    for number in 0..5 {
        let ctxt = json!({"project_id": "p1", "auth_token": "s3cret"});
        let event = json!({"op": "notify", "event_type": "event", "payload": number, "ctxt": ctxt});
        let answer = python.request(event).await.unwrap();
        assert!(answer.get("error").is_none(), "{answer}");
    }
    let mut payloads = Vec::new();
    for (size, expected) in [(3, 3), (3, 2)] {
        let batch = notifications
            .next_batch(size, Duration::from_secs(1))
            .await
            .unwrap();
        assert_eq!(batch.len(), expected);
        for incoming in batch {
            assert_eq!(incoming.ctxt().get("project_id"), Ok(Some("p1".to_owned())));
            payloads.push(incoming.notification.payload.decode::<u8>().unwrap());
            incoming.acknowledge().unwrap();
        }
    }
    assert_eq!(payloads, [0, 1, 2, 3, 4]);
    notifications.close().await;
}

#[tokio::test]
async fn what_was_prefetched_when_a_server_stops_is_answered() {
    let vhost = TestVhost::new("row-c14").await.unwrap();
    let transport = transport(&vhost.url()).unwrap();
    let (_, endpoint) = service();
    let server = RpcServer::builder(&transport, ServerTarget::new(TOPIC, "host-1"))
        .shared_endpoint(endpoint)
        .limit(5)
        .build();
    server.start().await.unwrap();
    let client = PythonClient::start(&vhost.url(), TOPIC, json!({}))
        .await
        .unwrap();
    let repeat = json!({
        "op": "repeat", "count": 15, "threads": 15, "target": {"topic": TOPIC},
        "method": "slow", "args": {"seconds": 1.0}, "timeout": 20,
    });
    let stopping = async {
        eventually("fifteen requests", || async {
            server.stats().received == 15
        })
        .await;
        assert_eq!((server.stats().dispatched, server.stats().held), (5, 10));
        server.stop().await.unwrap();
        server.wait().await.unwrap();
    };
    let (answer, ()) = tokio::join!(client.peer().request(repeat), stopping);
    let answer = answer.unwrap();
    assert_eq!(answer["answered"], json!(15), "{answer}");
    assert_eq!(server.stats().replies, 15);
}
