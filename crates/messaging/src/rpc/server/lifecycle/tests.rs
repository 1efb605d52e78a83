use super::*;

#[tokio::test(start_paused = true)]
async fn waiting_gives_up_after_its_timeout_and_says_for_what_it_waited() {
    let life = Lifecycle::new();
    let patience = Patience::at_most(Duration::from_secs(5));
    let waited = life
        .reach(Step::Stop, Step::Start, patience, |phase| {
            *phase == Phase::Running
        })
        .await;
    let expected = TaskTimeout {
        step: Step::Stop,
        waiting_for: Step::Start,
        waited: Duration::from_secs(5),
    };
    assert_eq!(waited, Err(expected));
    assert_eq!(
        expected.to_string(),
        "timed out: stop waited 5s for start to complete"
    );
}

#[tokio::test(start_paused = true)]
async fn one_of_many_claims_a_step() {
    let life = Lifecycle::new();
    let claims = (0..100).filter(|_| life.claim(|phase| *phase == Phase::New, Phase::Starting));
    assert_eq!(claims.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_clock_hands_out_what_is_left() {
    let clock = Patience::at_most(Duration::from_secs(5)).begin();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(clock.rest().timeout, Some(Duration::from_secs(3)));
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(clock.rest().timeout, Some(Duration::ZERO));
}
