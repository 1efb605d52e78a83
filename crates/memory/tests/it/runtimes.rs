//! One bus under several threads and runtimes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bergen_messaging::rpc::{Call, DynamicEndpoint, Executor, MethodError, RpcServer};
use bergen_messaging::target::{EndpointTarget, ServerTarget};
use bergen_messaging::wire::Context;
use serde_json::{Value, json};

use super::{client, rpc, server, url};

#[test]
fn handlers_run_on_the_runtime_of_their_server() {
    let here = url();
    let serving = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("serving")
        .enable_all()
        .build()
        .unwrap();
    let transport = rpc(&here);
    let endpoint = DynamicEndpoint::new(EndpointTarget::new()).method("where", |_: Call| async {
        tokio::task::yield_now().await;
        Ok::<_, MethodError>(std::thread::current().name().map(str::to_owned))
    });
    let server = RpcServer::builder(&transport, ServerTarget::new("t", "s"))
        .endpoint(endpoint)
        .build();
    serving.block_on(server.start()).unwrap();
    let calling = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    calling.block_on(async {
        let client = client(&rpc(&here));
        let answer: String = client
            .call(&Context::default(), "where", &())
            .await
            .unwrap();
        assert_eq!(answer, "serving");
    });
    drop(calling);
    serving.block_on(async {
        server.stop().await.unwrap();
        server.wait().await.unwrap();
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_callers_and_servers_at_once_lose_nothing() {
    let here = url();
    let transport = rpc(&here);
    let servers = ["a", "b", "c"].map(|name| server(&transport, name));
    for server in &servers {
        server.start().await.unwrap();
    }
    let callers: Vec<_> = (0..16)
        .map(|caller| {
            let client = client(&rpc(&here));
            tokio::spawn(async move {
                for number in 0..200 {
                    let args = json!({"caller": caller, "number": number});
                    let answer: Value = client
                        .call(&Context::default(), "echo", &args)
                        .await
                        .unwrap();
                    assert_eq!(answer, args);
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    let stats = servers.each_ref().map(RpcServer::stats);
    assert_eq!(
        stats.iter().map(|stats| stats.dispatched).sum::<u64>(),
        3200
    );
    assert!(
        stats
            .iter()
            .all(|stats| stats.dispatched > 0 && stats.duplicates == 0)
    );
    for server in servers {
        server.stop().await.unwrap();
        server.wait().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_come_and_go_under_load_lose_no_cast() {
    let here = url();
    let transport = rpc(&here);
    let ran = Arc::new(AtomicUsize::new(0));
    let start = async |name: String| {
        let ran = Arc::clone(&ran);
        let endpoint =
            DynamicEndpoint::new(EndpointTarget::new()).method("note", move |_: Call| {
                let ran = Arc::clone(&ran);
                async move {
                    tokio::task::yield_now().await;
                    ran.fetch_add(1, Ordering::SeqCst);
                    Ok::<_, MethodError>(())
                }
            });
        let server = RpcServer::builder(&transport, ServerTarget::new("t", name))
            .endpoint(endpoint)
            .limit(2)
            .build();
        server.start().await.unwrap();
        server
    };
    let mut server = start("first".to_owned()).await;
    let client = client(&rpc(&here));
    let casting = tokio::spawn(async move {
        for number in 0..2000 {
            let args = json!({"number": number});
            client
                .cast(&Context::default(), "note", &args)
                .await
                .unwrap();
        }
    });
    for round in 0..20 {
        let next = start(format!("server-{round}")).await;
        server.stop().await.unwrap();
        server.wait().await.unwrap();
        server = next;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    casting.await.unwrap();
    let all = async {
        while ran.load(Ordering::SeqCst) < 2000 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all)
        .await
        .unwrap();
    server.stop().await.unwrap();
    server.wait().await.unwrap();
    assert_eq!(ran.load(Ordering::SeqCst), 2000);
}

#[tokio::test]
async fn a_handler_on_the_caller_s_own_thread_may_call_on() {
    let here = url();
    let transport = rpc(&here);
    let echo = server(&transport, "s");
    echo.start().await.unwrap();
    let next = client(&transport);
    let endpoint = DynamicEndpoint::new(EndpointTarget::new()).method("ask", move |call: Call| {
        let next = next.clone();
        async move {
            let answer: Value = next.call(&call.context, "echo", &json!({"a": 1})).await?;
            Ok::<_, MethodError>(answer)
        }
    });
    let inline = RpcServer::builder(&transport, ServerTarget::new("middle", "m"))
        .endpoint(endpoint)
        .executor(Executor::Inline)
        .build();
    inline.start().await.unwrap();
    let asked = client(&transport).prepare().topic("middle");
    let answer: Value = asked.call(&Context::default(), "ask", &()).await.unwrap();
    assert_eq!(answer, json!({"a": 1}));
}
