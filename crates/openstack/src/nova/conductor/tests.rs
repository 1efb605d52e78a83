use bergen_testing::Fault;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::nova::stand_in::StandIn;

fn api(stand_in: &StandIn) -> ConductorApi {
    ConductorApi::new(&stand_in.transport, &NovaSettings::default())
}

#[tokio::test]
async fn one_ping_is_enough_when_there_is_a_conductor() {
    let stand_in = StandIn::serving().await;
    api(&stand_in)
        .wait_for_conductor(&Context::default())
        .await
        .unwrap();
    let ping = stand_in.bus.sent().calls().topic("conductor").assert_one();
    ping.assert_args(&json!({"arg": "1.21 GigaWatts"}));
    assert_eq!(ping.target.version, Some((1, 0).into()));
}

#[tokio::test]
async fn ten_short_tries_are_followed_by_long_ones_without_end() {
    let stand_in = StandIn::serving().await;
    let lost = stand_in.bus.inject(Fault::lose().method("ping").times(13));
    let start = Instant::now();
    api(&stand_in)
        .wait_for_conductor(&Context::default())
        .await
        .unwrap();
    assert_eq!(lost.hits(), 13);
    // 10 × 10 s, then 3 × rpc_response_timeout; the fourteenth is answered.
    assert_eq!(start.elapsed().as_secs(), 10 * 10 + 3 * 60);
    stand_in.bus.sent().method("ping").assert_count(14);
}

#[tokio::test]
async fn a_service_may_start_before_its_conductor() {
    let mut stand_in = StandIn::absent();
    let api = api(&stand_in);
    let waiting = tokio::spawn(async move { api.wait_for_conductor(&Context::default()).await });
    tokio::time::sleep(Duration::from_secs(25)).await;
    assert!(!waiting.is_finished());
    stand_in.serve().await;
    tokio::time::timeout(Duration::from_secs(10), waiting)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn what_is_no_absence_is_not_waited_for() {
    let stand_in = StandIn::serving().await;
    let settings = NovaSettings {
        baseapi_cap: Some((0, 9).into()),
        ..NovaSettings::default()
    };
    let api = ConductorApi::new(&stand_in.transport, &settings);
    let refused = api.wait_for_conductor(&Context::default()).await;
    assert!(
        matches!(refused, Err(CallError::VersionCap(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_record_is_asked_for_as_nova_does() {
    let stand_in = StandIn::serving().await;
    let found = api(&stand_in)
        .find(&Context::default(), "fakec-6b0243b0", "nova-compute")
        .await;
    assert_eq!(found, Ok(None));
    let captured = include_str!("../../../tests/captures/service_get_request.json");
    let captured: Value = serde_json::from_str(captured).unwrap();
    let sent = stand_in
        .bus
        .sent()
        .method("object_class_action_versions")
        .assert_one();
    sent.assert_args(&captured);
    assert_eq!(sent.target.version, Some((3, 0).into()));
}
