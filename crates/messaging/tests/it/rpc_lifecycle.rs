//! Start, stop and wait of servers, and the listener that survives its driver's errors.

use std::sync::Arc;
use std::time::Duration;

use bergen_messaging::driver::ListenError;
use bergen_messaging::rpc::{
    Arguments, Patience, RpcServer, ServerError, ServerListenError, StartOptions, Step,
};
use bergen_messaging::target::{ServerTarget, Target};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::bus::Bus;
use crate::rpc_client::{client, ctxt, endpoint};

fn server(bus: &Arc<Bus>) -> Arc<RpcServer> {
    let target = ServerTarget::new("t", "s");
    Arc::new(
        RpcServer::builder(&bus.transport(), target)
            .endpoint(endpoint())
            .build(),
    )
}

fn seconds(seconds: u64) -> Arguments {
    Arguments::new().with("seconds", &seconds).unwrap()
}

fn refused() -> ListenError {
    ListenError::Refused {
        cause: "ACCESS_REFUSED".to_owned(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_callers_of_every_step_do_each_once_and_in_order() {
    let bus = Bus::new();
    let server = server(&bus);
    let mut tasks = JoinSet::new();
    for index in 0..100 {
        // All mixed up: those that come too early wait for those that have to come first.
        for step in [Step::Wait, Step::Stop, Step::Start] {
            let server = Arc::clone(&server);
            tasks.spawn(async move {
                tokio::time::sleep(Duration::from_millis(index)).await;
                match step {
                    Step::Start => match server.start().await {
                        Ok(()) | Err(ServerError::Stopped) => Ok(()),
                        Err(error) => Err(error),
                    },
                    Step::Stop => server.stop().await,
                    Step::Wait => server.wait().await,
                }
            });
        }
    }
    for outcome in tasks.join_all().await {
        assert_eq!(outcome, Ok(()));
    }
    assert_eq!(bus.listens(), 1);
    assert_eq!(bus.consumers(), 0);
    assert!(!server.is_running());
}

#[tokio::test(start_paused = true)]
async fn a_second_start_has_no_effect_and_a_start_after_stop_is_an_error() {
    let bus = Bus::new();
    let server = server(&bus);
    server.start().await.unwrap();
    assert_eq!(
        bus.consumers(),
        1,
        "start returns once consuming is confirmed"
    );
    server.start().await.unwrap();
    assert_eq!(bus.listens(), 1);
    server.stop().await.unwrap();
    assert_eq!(server.start().await, Err(ServerError::Stopped));
    server.wait().await.unwrap();
    assert_eq!(server.start().await, Err(ServerError::Stopped));
    server.stop().await.unwrap();
    server.wait().await.unwrap();
    assert_eq!(bus.listens(), 1);
}

#[tokio::test(start_paused = true)]
async fn stop_waits_for_start_and_wait_for_stop() {
    let bus = Bus::new();
    let server = server(&bus);
    let spawned = |step: Step| {
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            match step {
                Step::Start => server.start().await,
                Step::Stop => server.stop().await,
                Step::Wait => server.wait().await,
            }
        })
    };
    let (stop, wait) = (spawned(Step::Stop), spawned(Step::Wait));
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert!(!stop.is_finished() && !wait.is_finished());
    spawned(Step::Start).await.unwrap().unwrap();
    stop.await.unwrap().unwrap();
    wait.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn impatience_is_a_timeout_error_and_the_server_goes_on() {
    let bus = Bus::new();
    let server = server(&bus);
    let patience = Patience::at_most(Duration::from_secs(3));
    let Err(ServerError::Timeout(timeout)) = server.stop_with(patience).await else {
        panic!()
    };
    assert_eq!(
        (timeout.step, timeout.waiting_for),
        (Step::Stop, Step::Start)
    );

    server.start().await.unwrap();
    let busy = {
        let client = client(&bus.transport());
        tokio::spawn(async move { client.call::<()>(&ctxt(), "sleep", &seconds(10)).await })
    };
    tokio::time::sleep(Duration::from_secs(1)).await;
    server.stop().await.unwrap();
    let Err(ServerError::Timeout(timeout)) = server.wait_with(patience).await else {
        panic!()
    };
    assert_eq!(
        (timeout.step, timeout.waiting_for),
        (Step::Wait, Step::Wait)
    );
    server.wait().await.unwrap();
    assert_eq!(busy.await.unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_is_finished_after_a_stop() {
    let bus = Bus::new();
    let transport = bus.transport();
    let server = RpcServer::builder(&transport, ServerTarget::new("t", "s"))
        .endpoint(endpoint())
        .limit(5)
        .build();
    server.start().await.unwrap();
    let client = client(&transport);
    let mut calls = JoinSet::new();
    for _ in 0..15 {
        let client = client.clone();
        calls.spawn(async move { client.call::<()>(&ctxt(), "sleep", &seconds(1)).await });
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    // Five run, five more are handed over and wait: twice the limit. The rest is still the broker's.
    assert_eq!((server.stats().dispatched, server.stats().held), (5, 10));
    server.stop().await.unwrap();
    let stopped = Instant::now();
    server.wait().await.unwrap();
    assert_eq!(stopped.elapsed(), Duration::from_millis(2500));
    assert_eq!(calls.join_all().await, vec![Ok(()); 15]);
    assert_eq!(server.stats().replies, 15);
    assert_eq!(bus.consumers(), 0, "released last");

    let late = client.prepare().timeout(Duration::from_secs(1));
    assert!(
        late.call::<()>(&ctxt(), "sleep", &seconds(0))
            .await
            .unwrap_err()
            .is_timeout()
    );
    assert_eq!(bus.waiting("t"), 1, "nothing is taken any more");
}

#[tokio::test(start_paused = true)]
async fn a_start_that_fails_says_target_and_cause_and_leaves_nothing() {
    let bus = Bus::new();
    let server = server(&bus);
    bus.fail_listens([refused()]);
    let error = server.start().await.unwrap_err();
    let target = Box::new(Target::default().with_topic("t").with_server("s"));
    assert_eq!(
        error,
        ServerError::Listen(ServerListenError {
            target,
            cause: refused()
        })
    );
    assert_eq!(
        error.to_string(),
        "Failed to listen on target <Target topic=t, server=s>: the broker refused: ACCESS_REFUSED; check user, \
         password, virtual host and permissions"
    );
    assert_eq!(bus.consumers(), 0);
    // Nothing runs, so there is nothing to stop or to wait for.
    server.stop().await.unwrap();
    server.wait().await.unwrap();
    server.start().await.unwrap();
    assert_eq!(bus.consumers(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_target_from_a_configuration_is_checked_at_the_start() {
    let bus = Bus::new();
    let target = Target::default().with_topic("t");
    let server = RpcServer::builder_unchecked(&bus.transport(), target).build();
    let Err(ServerError::Listen(error)) = server.start().await else {
        panic!()
    };
    assert!(
        matches!(error.cause, ListenError::InvalidTarget(_)),
        "{error:?}"
    );
    assert_eq!(bus.listens(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_listener_survives_its_drivers_errors() {
    let bus = Bus::new();
    let server = server(&bus);
    server.start().await.unwrap();
    let client = client(&bus.transport());
    client
        .call::<()>(&ctxt(), "sleep", &seconds(0))
        .await
        .unwrap();

    bus.fail_listens([refused(), refused()]);
    bus.break_consumers(&ListenError::Failed {
        cause: "channel closed".to_owned(),
    });
    // A call made meanwhile waits in the queue.
    client
        .call::<()>(&ctxt(), "sleep", &seconds(0))
        .await
        .unwrap();
    assert_eq!(
        bus.listens(),
        4,
        "the first, two that failed, and one that worked"
    );
    assert_eq!(server.stats().listener_restarts, 1);
    server.stop().await.unwrap();
    server.wait().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_without_a_listener_can_be_stopped() {
    let bus = Bus::new();
    let server = server(&bus);
    server.start().await.unwrap();
    bus.fail_listens(std::iter::repeat_n(refused(), 1000));
    bus.break_consumers(&refused());
    tokio::time::sleep(Duration::from_secs(10)).await;
    server.stop().await.unwrap();
    server.wait().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_whose_transport_is_closed_does_not_listen_again() {
    let bus = Bus::new();
    let server = server(&bus);
    server.start().await.unwrap();
    bus.break_consumers(&ListenError::Closed);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(bus.listens(), 1);
    server.stop().await.unwrap();
    server.wait().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_dropped_server_stops_by_itself() {
    let bus = Bus::new();
    let server = server(&bus);
    server.start().await.unwrap();
    let busy = {
        let client = client(&bus.transport());
        tokio::spawn(async move { client.call::<()>(&ctxt(), "sleep", &seconds(5)).await })
    };
    tokio::time::sleep(Duration::from_secs(1)).await;
    drop(server);
    assert_eq!(busy.await.unwrap(), Ok(()));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(bus.consumers(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_limit_at_the_start_wins() {
    let bus = Bus::new();
    let server = server(&bus);
    let options = StartOptions {
        limit: Some(2),
        ..StartOptions::default()
    };
    server.start_with(options).await.unwrap();
    let client = client(&bus.transport());
    let started = Instant::now();
    let mut calls = JoinSet::new();
    for _ in 0..6 {
        let client = client.clone();
        calls.spawn(async move { client.call::<()>(&ctxt(), "sleep", &seconds(1)).await });
    }
    assert_eq!(calls.join_all().await, vec![Ok(()); 6]);
    assert_eq!(started.elapsed(), Duration::from_secs(3));
}
