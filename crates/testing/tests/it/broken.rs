//! A driver that breaks a promise is found out by the suite.

use std::time::Duration;

use bergen_testing::conformance::{Subject, calls, casts, delivery};
use bergen_testing::{Fault, TestBus};
use tokio::task::LocalSet;

/// A subject on a bus where something goes wrong all the time.
fn broken(fault: Fault) -> Subject {
    let bus = TestBus::new();
    bus.inject(fault);
    Subject::new(move || bus.options())
}

async fn fails(promise: impl Future<Output = ()> + 'static) -> bool {
    let local = LocalSet::new();
    let ended = local.run_until(local.spawn_local(promise)).await;
    ended.is_err_and(|error| error.is_panic())
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_breaks_a_promise_is_found_out() {
    let lost = broken(Fault::lose().replies());
    assert!(
        fails(async move { calls::a_call_is_answered_by_a_server_of_its_topic(&lost).await }).await
    );
    let twice = broken(Fault::duplicate());
    assert!(fails(async move { casts::a_fanout_reaches_every_server_once(&twice).await }).await);
    let again = broken(Fault::redeliver());
    assert!(
        fails(async move { delivery::what_is_acknowledged_does_not_come_again(&again).await })
            .await
    );
    let late = broken(Fault::delay(Duration::from_secs(20)));
    assert!(fails(async move { casts::a_cast_to_one_server_goes_there(&late).await }).await);
}

#[tokio::test(start_paused = true)]
async fn the_same_promises_hold_where_nothing_goes_wrong() {
    let bus = TestBus::new();
    let subject = Subject::new(move || bus.options());
    calls::a_call_is_answered_by_a_server_of_its_topic(&subject).await;
    casts::a_fanout_reaches_every_server_once(&subject).await;
    delivery::what_is_acknowledged_does_not_come_again(&subject).await;
}
