use bergen_messaging::rpc::{DynamicEndpoint, MethodError};
use serde_json::json;
use tokio::sync::Notify;

use super::*;
use crate::log_lines::LogLines;

/// A request of an instance on its way, in an endpoint that answers when it is told to.
fn working(in_flight: &InFlight) -> (Tracked, Call, Arc<Notify>) {
    let go = Arc::new(Notify::new());
    let waited = Arc::clone(&go);
    let endpoint = DynamicEndpoint::new(EndpointTarget::new()).method("reboot", move |_: Call| {
        let waited = Arc::clone(&waited);
        async move {
            waited.notified().await;
            Ok::<_, MethodError>(())
        }
    });
    let mut context = Context::default();
    context.insert("request_id", "req-1").unwrap();
    context.insert("auth_token", "hush").unwrap();
    let arguments = json!({"instance": {"nova_object.data": {"uuid": "u-1"}}});
    let call = Call::new(context, RawJson::encode(&arguments).unwrap());
    (in_flight.track(Arc::new(endpoint)), call, go)
}

#[tokio::test(start_paused = true)]
async fn a_request_is_seen_while_it_is_worked_on() {
    let in_flight = InFlight::default();
    let (tracked, call, go) = working(&in_flight);
    let running = tokio::spawn(async move { tracked.dispatch("reboot", call).await });
    tokio::time::sleep(Duration::from_secs(7)).await;
    let shown = InFlightCall {
        method: "reboot".to_owned(),
        instance: Some("u-1".to_owned()),
        request_id: Some("req-1".to_owned()),
        age: Duration::from_secs(7),
    };
    assert_eq!(in_flight.snapshot(), [shown]);
    assert!(!format!("{in_flight:?}").contains("hush"));
    go.notify_one();
    running.await.unwrap().unwrap();
    assert_eq!(in_flight.snapshot(), []);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_dropped_is_gone() {
    let in_flight = InFlight::default();
    let (tracked, call, _go) = working(&in_flight);
    let running = tracked.dispatch("reboot", call);
    assert_eq!(in_flight.snapshot().len(), 1);
    drop(running);
    assert_eq!(in_flight.snapshot(), []);
}

#[tokio::test(start_paused = true)]
async fn what_is_waited_for_is_logged_every_ten_seconds() {
    let in_flight = InFlight::default();
    let (tracked, call, _go) = working(&in_flight);
    let _running = tracked.dispatch("reboot", call);
    let (lines, _guard) = LogLines::capture();
    in_flight
        .log_while(tokio::time::sleep(Duration::from_secs(25)))
        .await;
    let lines = lines.with("still worked on");
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(
        lines[2].contains("method=\"reboot\" instance=\"u-1\" request_id=\"req-1\" seconds=20")
    );
}
