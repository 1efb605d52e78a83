use std::convert::Infallible;
use std::future::ready;
use std::io;
use std::time::Duration;

use serde_json::Value;
use tower::{ServiceExt, service_fn};

use super::*;
use crate::notify::drivers::{NoopDriver, TestDriver};
use crate::notify::{Event, NotifyDriver, NotifyError};
use crate::rpc::{SerializeError, Serializer};
use crate::wire::{self, RawJson};

fn layer() -> (RequestNotifierLayer, TestDriver) {
    let seen = TestDriver::default();
    let notifier = Notifier::with_drivers("api", [seen.clone()]);
    (
        RequestNotifierLayer::new(&notifier, OutboxOptions::default()),
        seen,
    )
}

fn events(seen: &TestDriver) -> Vec<(String, Value)> {
    let told = |event: Event| {
        let payload = event.notification.payload.decode().unwrap();
        assert_eq!(event.priority, Priority::Info);
        (event.notification.event_type, payload)
    };
    seen.events().into_iter().map(told).collect()
}

fn get(uri: &str) -> Request<()> {
    Request::get(uri).body(()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_request_and_its_response_are_told_as_by_the_peer() {
    let (layer, seen) = layer();
    let service = layer.layer(service_fn(|_: Request<()>| {
        let response = Response::builder()
            .status(404)
            .header("content-type", "text/plain")
            .header("x-subject-token", "s3cret")
            .header("vary", "a")
            .header("vary", "b")
            .body(());
        ready(Ok::<_, Infallible>(response.unwrap()))
    }));
    let request = Request::post("/v2/servers%20x?limit=1&auth_token=s3cret&x")
        .header("host", "api.example:8774")
        .header("content-type", "application/json")
        .header("content-length", "2")
        .header("user-agent", "curl")
        .header("x-auth-token", "s3cret")
        .header("x-service-token", "s3cret")
        .header("authorization", "s3cret")
        .header("proxy-authorization", "s3cret")
        .header("cookie", "s3cret")
        .body(())
        .unwrap();
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 404);
    assert_eq!(response.headers()["x-subject-token"], "s3cret", "untouched");
    seen.came(2).await;
    let environ = json!({
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/v2/servers x",
        "QUERY_STRING": "limit=1&auth_token=***&x",
        "SERVER_NAME": "api.example",
        "SERVER_PORT": "8774",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": "2",
        "HTTP_HOST": "api.example:8774",
        "HTTP_USER_AGENT": "curl",
        "HTTP_X_SERVICE_NAME": "api.example:8774",
    });
    let response = json!({
        "status": "404 Not Found",
        "headers": {"Content-Type": "text/plain", "Vary": "a, b"},
    });
    let expected = [
        ("http.request".to_owned(), json!({"request": environ})),
        (
            "http.response".to_owned(),
            json!({"request": environ, "response": response}),
        ),
    ];
    assert_eq!(events(&seen), expected);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_and_handed_on() {
    let (layer, seen) = layer();
    let failing =
        service_fn(|_: Request<()>| ready(Err::<Response<()>, _>(io::Error::other("no database"))));
    let service = layer.service_name("placement").layer(failing);
    let error = service
        .oneshot(get("https://user@[::1]/"))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "no database");
    seen.came(2).await;
    let (event_type, payload) = events(&seen).remove(1);
    assert_eq!(event_type, "http.response");
    assert_eq!(
        payload["exception"],
        json!({"value": "no database", "traceback": []})
    );
    assert!(payload.get("response").is_none());
    let environ = &payload["request"];
    assert_eq!(environ["HTTP_X_SERVICE_NAME"], "placement");
    assert_eq!(environ["HTTP_HOST"], "[::1]");
    assert_eq!(
        (&environ["SERVER_NAME"], &environ["SERVER_PORT"]),
        (&json!("[::1]"), &json!("443"))
    );
}

#[tokio::test(start_paused = true)]
async fn ignored_methods_and_deaf_notifiers_cost_nothing() {
    let (layer, seen) = layer();
    let answering = service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(Response::new(()))));
    let service = layer.clone().ignore([Method::GET]).layer(answering);
    service.oneshot(get("/")).await.unwrap();
    let nobody = Notifier::with_drivers("api", [NoopDriver]);
    let deaf = RequestNotifierLayer::new(&nobody, OutboxOptions::default());
    let service = deaf.layer(answering);
    service.oneshot(get("/")).await.unwrap();
    for layer in [&layer, &deaf] {
        assert!(layer.outbox().flush(Duration::from_secs(1)).await);
        assert_eq!(layer.outbox().stats().sent, 0);
    }
    assert!(seen.events().is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_request_waits_for_a_broker() {
    /// A broker that never answers.
    #[derive(Debug)]
    struct Silent;

    impl NotifyDriver for Silent {
        fn name(&self) -> &'static str {
            "silent"
        }

        fn notify<'a>(
            &'a self,
            _: &'a Event,
        ) -> crate::driver::BoxFuture<'a, Result<(), NotifyError>> {
            Box::pin(std::future::pending())
        }
    }

    let notifier = Notifier::with_drivers("api", [Silent]);
    let options = OutboxOptions {
        capacity: 3,
        when_full: WhenFull::Wait,
        in_flight: 1,
    };
    let layer = RequestNotifierLayer::new(&notifier, options);
    let service = layer.layer(service_fn(|_: Request<()>| {
        ready(Ok::<_, Infallible>(Response::new(())))
    }));
    let start = tokio::time::Instant::now();
    for _ in 0..10 {
        service.clone().oneshot(get("/")).await.unwrap();
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    let stats = layer.outbox().stats();
    assert_eq!(stats.waiting + stats.dropped, 20);
    assert!(stats.waiting <= 4, "{stats:?}");
}

#[tokio::test(start_paused = true)]
async fn no_request_fails_with_its_events() {
    struct Broken;

    impl Serializer for Broken {
        fn serialize_entity(
            &self,
            _: &wire::Context,
            entity: RawJson,
        ) -> Result<RawJson, SerializeError> {
            assert!(entity.member("response").is_some(), "a bug");
            Err(SerializeError::new("a refusal"))
        }
    }

    let notifier = Notifier::with_drivers("api", [TestDriver::default()]);
    let notifier = notifier.with_serializer(Broken);
    let layer = RequestNotifierLayer::new(&notifier, OutboxOptions::default());
    let service = layer.layer(service_fn(|_: Request<()>| {
        ready(Ok::<_, Infallible>(Response::new(())))
    }));
    service.oneshot(get("/")).await.unwrap();
    assert_eq!(layer.outbox().stats().dropped, 2);
}
