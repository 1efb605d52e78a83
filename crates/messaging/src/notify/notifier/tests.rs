use super::*;
use crate::notify::drivers::{NoopDriver, TestDriver};

/// Cannot send anything.
#[derive(Debug)]
struct Broken;

impl NotifyDriver for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    fn notify<'a>(
        &'a self,
        _event: &'a Event,
    ) -> crate::driver::BoxFuture<'a, Result<(), NotifyError>> {
        let error = NotifyError::Driver {
            driver: "broken".to_owned(),
            cause: "as it says".to_owned(),
        };
        Box::pin(std::future::ready(Err(error)))
    }
}

#[tokio::test]
async fn all_drivers_are_tried_and_the_first_error_is_given_back() {
    let seen = TestDriver::default();
    let drivers: Vec<Arc<dyn NotifyDriver>> = vec![Arc::new(Broken), Arc::new(seen.clone())];
    let notifier = Notifier::of("compute.h1".to_owned(), drivers);
    let error = notifier
        .critical(&Context::default(), "disk.failed", "sda")
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "notification driver \"broken\": as it says"
    );
    let [event] = seen.events().try_into().unwrap();
    assert_eq!(event.priority, Priority::Critical);
    assert_eq!(event.notification.priority, "CRITICAL");
    assert_eq!(event.notification.payload.as_str(), "\"sda\"");
}

#[tokio::test]
async fn no_listener_sees_a_token() {
    let mut ctxt = Context::default();
    ctxt.insert("request_id", "req-1").unwrap();
    ctxt.insert("auth_token", "s3cret").unwrap();
    let seen = TestDriver::default();
    let notifier = Notifier::with_drivers("a", [seen.clone()]);
    notifier.info(&ctxt, "x", &()).await.unwrap();
    let [event] = seen.events().try_into().unwrap();
    assert_eq!(event.notification.context.len(), 1);
}

#[tokio::test]
async fn copies_differ_in_what_was_asked_for() {
    let seen = TestDriver::default();
    let notifier = Notifier::with_drivers("a", [seen.clone()]);
    let other = notifier.with_publisher_id("b").with_retry(Retry::Times(3));
    other.info(&Context::default(), "x", &()).await.unwrap();
    notifier.info(&Context::default(), "x", &()).await.unwrap();
    let events = seen.events();
    let publishers: Vec<_> = events
        .iter()
        .map(|event| (event.notification.publisher_id.as_deref(), event.retry))
        .collect();
    let expected = [(Some("b"), Retry::Times(3)), (Some("a"), Retry::Forever)];
    assert_eq!(publishers, expected);
}

#[test]
fn a_notifier_that_nobody_can_hear_says_so() {
    assert!(!Notifier::with_drivers::<NoopDriver>("a", []).is_enabled());
    assert!(!Notifier::with_drivers("a", [NoopDriver]).is_enabled());
    assert!(Notifier::with_drivers("a", [TestDriver::default()]).is_enabled());
}
