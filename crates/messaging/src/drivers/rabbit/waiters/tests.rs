use super::*;

fn table() -> Arc<Waiters> {
    Arc::new(Waiters::new(3))
}

fn json(text: &str) -> RawJson {
    RawJson::parse(text).unwrap()
}

#[tokio::test]
async fn a_reply_reaches_the_call_that_waits_for_it() {
    let waiters = table();
    let [first, second] = [Id::new(), Id::new()];
    let mut one = waiters.register(first, false).unwrap();
    let _two = waiters.register(second, false).unwrap();
    assert_eq!(waiters.complete(first, Ok(json("1"))), Found::Waiting);
    assert_eq!(one.answer().await, Some(Ok(json("1"))));
    assert_eq!(waiters.len(), 1);
}

#[tokio::test]
async fn a_second_reply_and_a_stranger_are_unknown() {
    let waiters = table();
    let id = Id::new();
    let _waiter = waiters.register(id, false).unwrap();
    assert_eq!(waiters.complete(id, Ok(RawJson::null())), Found::Waiting);
    assert_eq!(waiters.complete(id, Ok(RawJson::null())), Found::Unknown);
    assert_eq!(
        waiters.keep_alive(Id::new(), RawJson::null()),
        Found::Unknown
    );
}

#[test]
fn giving_up_leaves_nothing_behind() {
    let waiters = table();
    drop(waiters.register(Id::new(), true).unwrap());
    assert_eq!(waiters.len(), 0);
}

#[test]
fn waiting_is_bounded() {
    let waiters = table();
    let places: Vec<Waiter> = (0..3)
        .map(|_| waiters.register(Id::new(), false).unwrap())
        .collect();
    assert_eq!(
        waiters.register(Id::new(), false).unwrap_err(),
        NoPlace::Full { limit: 3 }
    );
    drop(places);
    assert!(waiters.register(Id::new(), false).is_ok());
}

#[tokio::test]
async fn closing_ends_all_waiting() {
    let waiters = table();
    let mut waiter = waiters.register(Id::new(), false).unwrap();
    waiters.close();
    assert_eq!(waiter.answer().await, None);
    assert_eq!(
        waiters.register(Id::new(), false).unwrap_err(),
        NoPlace::Closed
    );
}

#[tokio::test(start_paused = true)]
async fn keep_alives_are_remembered_and_complete_nothing() {
    let waiters = table();
    let id = Id::new();
    let mut waiter = waiters.register(id, true).unwrap();
    let start = waiter.last_heard().unwrap();
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(waiters.keep_alive(id, RawJson::null()), Found::Waiting);
    assert_eq!(waiter.last_heard().unwrap() - start, Duration::from_secs(5));
    let silence = tokio::time::timeout(Duration::from_secs(1), waiter.answer()).await;
    assert!(silence.is_err(), "a keep-alive ended the call");
}

#[tokio::test]
async fn the_value_of_a_very_old_peer_waits_for_its_end() {
    let waiters = table();
    let id = Id::new();
    let mut waiter = waiters.register(id, false).unwrap();
    waiters.keep_alive(id, json("[1]"));
    waiters.keep_alive(id, json("[2]"));
    waiters.complete(id, Ok(RawJson::null()));
    assert_eq!(waiter.answer().await, Some(Ok(json("[1]"))));
}
