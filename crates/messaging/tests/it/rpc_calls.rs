//! Calls as values: what their futures own, and what a program's own code in their way may do.

use std::time::Duration;

use bergen_messaging::rpc::{
    Arguments, CurrentRequest, Executor, RpcServer, SerializeError, Serializer,
};
use bergen_messaging::target::ServerTarget;
use bergen_messaging::wire::{Context, RawJson};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::bus::Bus;
use crate::rpc_client::{client, ctxt, endpoint, serve, value};

#[tokio::test(start_paused = true)]
async fn a_call_borrows_nothing_and_inherits_the_deadline_of_the_method_that_makes_it() {
    let bus = Bus::new();
    let transport = bus.transport();
    let _server = serve(&transport, endpoint()).await;
    let client = client(&transport);
    let call = {
        let arguments = Arguments::new().with("seconds", &60).unwrap();
        client.call::<()>(&ctxt(), "sleep", &arguments)
    };
    let echoed = client.call::<i64>(&ctxt(), "echo", &value(1));
    let cast = client.cast(&ctxt(), "echo", &value(1));
    let started = Instant::now();
    let deadline = Some(started + Duration::from_secs(3));
    // Made for a request, run by a task that knows nothing of it.
    let mut inherited = JoinSet::new();
    CurrentRequest::new(ctxt(), deadline)
        .scope(async {
            let arguments = Arguments::new().with("seconds", &60).unwrap();
            inherited.spawn(client.call::<()>(&ctxt(), "sleep", &arguments));
        })
        .await;
    drop(client);
    assert_eq!(tokio::spawn(echoed).await.unwrap(), Ok(1));
    assert_eq!(tokio::spawn(cast).await.unwrap(), Ok(()));
    let error = inherited.join_next().await.unwrap().unwrap().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(started.elapsed(), Duration::from_secs(3));
    tokio::spawn(call).await.unwrap().unwrap_err();
}

#[tokio::test]
async fn a_serializer_that_panics_is_a_failure_and_the_server_lives_on() {
    struct Bomb;
    impl Serializer for Bomb {
        fn deserialize_entity(
            &self,
            _: &Context,
            entity: RawJson,
        ) -> Result<RawJson, SerializeError> {
            assert_ne!(entity.as_str(), "1", "boom");
            Ok(entity)
        }

        fn serialize_entity(
            &self,
            _: &Context,
            entity: RawJson,
        ) -> Result<RawJson, SerializeError> {
            assert_ne!(entity.as_str(), "2", "bang");
            Ok(entity)
        }
    }
    for executor in [Executor::Inline, Executor::Tasks, Executor::Blocking] {
        let bus = Bus::new();
        let transport = bus.transport();
        let server = RpcServer::builder(&transport, ServerTarget::new("t", "s"))
            .endpoint(endpoint())
            .serializer(Bomb)
            .executor(executor)
            .build();
        server.start().await.unwrap();
        let client = client(&transport);
        for (number, cause) in [(1, "boom"), (2, "bang")] {
            let error = client
                .call::<i64>(&ctxt(), "echo", &value(number))
                .await
                .unwrap_err();
            let remote = error.remote().unwrap();
            assert!(remote.is("builtins", "RuntimeError"), "{remote:?}");
            assert!(remote.message.contains(cause), "{remote:?}");
        }
        assert_eq!(client.call::<i64>(&ctxt(), "echo", &value(3)).await, Ok(3));
        assert_eq!(server.stats().panics, 2);
    }
}
