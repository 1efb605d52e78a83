//! The broker goes away while calls run, in both directions. Made = answered + failed with a typed error.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bergen::rpc::{CallError, RpcClient};
use bergen::wire::Context;
use bergen_interop::{Client, PythonClient, PythonServer, RustServer, transport};
use bergen_testbed::RabbitNode;
use serde_json::{Value, json};

use crate::support::eventually;

const TOPIC: &str = "compute";
const VHOST: &str = "/";

/// How the calls of one side ended.
#[derive(Debug, Default)]
struct Account {
    made: u64,
    answered: u64,
    failed: BTreeMap<String, u64>,
}

impl Account {
    fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    fn add(&mut self, ended: Result<Value, CallError>) {
        match ended {
            Ok(_) => self.answered += 1,
            Err(error) => {
                let kind = format!("{error:?}");
                let kind = kind.split(['{', '(']).take(2).collect::<Vec<_>>().join(" ");
                *self.failed.entry(kind).or_default() += 1;
            }
        }
    }
}

/// Calls from four tasks until told to stop.
async fn load(client: RpcClient, stop: Arc<AtomicBool>) -> Account {
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let (client, stop) = (client.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut account = Account::default();
                while !stop.load(Ordering::Relaxed) {
                    account.made += 1;
                    let call = async {
                        client
                            .call(&Context::default(), "echo", &json!({"value": 1}))
                            .await
                    };
                    let limit = Duration::from_secs(25);
                    account.add(
                        tokio::time::timeout(limit, call)
                            .await
                            .expect("a call outlived its deadline"),
                    );
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                account
            })
        })
        .collect();
    let mut total = Account::default();
    for task in tasks {
        let account = task.await.unwrap();
        total.made += account.made;
        total.answered += account.answered;
        for (kind, count) in account.failed {
            *total.failed.entry(kind).or_default() += count;
        }
    }
    total
}

/// Both directions under load on a broker of their own, while `fault` does its work.
async fn under_load(name: &str, fault: impl AsyncFnOnce(&mut RabbitNode)) {
    let mut node = RabbitNode::start_default().await.unwrap();
    let url = node.url(VHOST);
    let rust_server = RustServer::start(&transport(&url).unwrap(), "rust", "host-1")
        .await
        .unwrap();
    let python_server = PythonServer::start(&url, TOPIC, "host-1", json!({}))
        .await
        .unwrap();
    let python_client = PythonClient::start(&url, "rust", json!({})).await.unwrap();
    let ours = Client::of(&url, TOPIC).unwrap();

    let stop = Arc::new(AtomicBool::new(false));
    let rust_to_python = tokio::spawn(load(ours.clone(), Arc::clone(&stop)));
    let repeat = json!({
        "op": "repeat", "count": 400, "threads": 4, "target": {"topic": "rust"}, "timeout": 20,
        "method": "slow", "args": {"seconds": 0.05, "value": 1},
    });
    let python_to_rust = async {
        let limit = Duration::from_mins(2);
        python_client
            .peer()
            .request_within(repeat, limit)
            .await
            .unwrap()
    };
    let fault = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        fault(&mut node).await;
    };
    let (python, ()) = tokio::join!(python_to_rust, fault);
    stop.store(true, Ordering::Relaxed);
    let rust = rust_to_python.await.unwrap();

    println!("{name}: rust to python: {rust:?}");
    println!("{name}: python to rust: {python}");
    println!("{name}: rust server: {:?}", rust_server.server().stats());
    assert_eq!(rust.made, rust.answered + rust.failures());
    assert!(rust.answered > 0);
    let failed: u64 = python["failed"]
        .as_object()
        .unwrap()
        .values()
        .map(|count| count.as_u64().unwrap())
        .sum();
    assert_eq!(
        python["made"].as_u64().unwrap(),
        python["answered"].as_u64().unwrap() + failed
    );
    assert!(python["answered"].as_u64().unwrap() > 0, "{python}");

    // And the service is there again, both ways.
    let sum: i64 = ours
        .call(&Context::default(), "add", &json!({"a": 1, "b": 2}))
        .await
        .unwrap();
    assert_eq!(sum, 3);
    let answer = python_client
        .call("add", json!({"a": 1, "b": 2}), json!({}), json!({}))
        .await
        .unwrap();
    assert_eq!(answer["result"], json!(3), "{answer}");
    drop(python_server);
}

#[tokio::test]
async fn connections_killed_through_the_management() {
    under_load("connection kill", async |node| {
        for _ in 0..3 {
            let management = node.management();
            // The list of connections is some seconds behind.
            eventually("four connections", async || {
                management.connections(VHOST).await.unwrap().len() >= 4
            })
            .await;
            let closed = management.close_connections(VHOST).await.unwrap();
            assert!(closed >= 4, "{closed} connections");
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_broker_is_restarted() {
    under_load("broker restart", async |node| node.restart().await.unwrap()).await;
}
