//! What servers write to the log, and what they keep out of it.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bergen_messaging::driver::ListenError;
use bergen_messaging::rpc::{
    Arguments, Call, DynamicEndpoint, Expected, MethodError, RemoteError, RpcServer,
};
use bergen_messaging::target::{EndpointTarget, ServerTarget};
use bergen_messaging::wire::Failure;
use tracing::Level;
use tracing::subscriber::DefaultGuard;

use crate::bus::Bus;
use crate::rpc_client::{client, ctxt, serve};

/// The log lines of this test.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Everything that this thread logs from now on; tests have runtimes of one thread.
    pub(crate) fn capture() -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::DEBUG)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The lines that contain `part`.
    fn lines(&self, part: &str) -> Vec<String> {
        self.text()
            .lines()
            .filter(|line| line.contains(part))
            .map(str::to_owned)
            .collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn failing() -> DynamicEndpoint {
    let failure = || RemoteError::from(Failure::new("mine", "Busy", "try\nlater"));
    DynamicEndpoint::new(EndpointTarget::new())
        .method("expected", move |_: Call| async move {
            Err::<(), _>(Expected(failure()))
        })
        .method("unexpected", move |_: Call| async move {
            Err::<(), _>(failure())
        })
        .method("probe_ignore_errors", move |_: Call| async move {
            Err::<(), _>(failure())
        })
}

#[tokio::test(start_paused = true)]
async fn no_secret_is_logged() {
    let (log, _guard) = Log::capture();
    let bus = Bus::new();
    let transport = bus.transport();
    let _server = serve(&transport, failing()).await;
    let mut context = ctxt();
    context.insert("auth_token", "s3cret").unwrap();
    context.insert("user_id", "u1").unwrap();
    let arguments = Arguments::new()
        .with("nested", &serde_json::json!([{"Admin_Password": "s3cret"}]))
        .unwrap()
        .with("new_pass", "s3cret")
        .unwrap()
        .with("plain", "shown")
        .unwrap();
    client(&transport)
        .call::<()>(&context, "unexpected", &arguments)
        .await
        .unwrap_err();
    let text = log.text();
    assert!(!text.contains("s3cret"), "{text}");
    assert!(
        log.lines("received a request")[0].contains("\"shown\""),
        "{text}"
    );
    assert!(
        log.lines("failure while handling")[0].contains("\"***\""),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn expected_failures_are_no_errors_and_probes_are_quiet() {
    let (log, _guard) = Log::capture();
    let bus = Bus::new();
    let transport = bus.transport();
    let _server = serve(&transport, failing()).await;
    for method in [
        "expected",
        "unexpected",
        "probe_ignore_errors",
        "nosuch_ignore_errors",
    ] {
        client(&transport)
            .call::<()>(&ctxt(), method, &())
            .await
            .unwrap_err();
    }
    let errors = log.lines("ERROR");
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("method=unexpected"), "{errors:?}");
    assert!(
        errors[0].contains("try\\nlater"),
        "one line, whatever the text: {errors:?}"
    );
    assert!(log.lines("expected failure")[0].contains("DEBUG"));
}

#[tokio::test(start_paused = true)]
async fn a_possible_hang_is_logged_once() {
    let (log, _guard) = Log::capture();
    let bus = Bus::new();
    let server = Arc::new(
        RpcServer::builder(&bus.transport(), ServerTarget::new("t", "s"))
            .endpoint(failing())
            .build(),
    );
    let stop = tokio::spawn({
        let server = Arc::clone(&server);
        async move { server.stop().await }
    });
    tokio::time::sleep(Duration::from_secs(29)).await;
    assert_eq!(log.lines("Possible hang").len(), 0);
    tokio::time::sleep(Duration::from_mins(5)).await;
    let hangs = log.lines("Possible hang");
    assert_eq!(hangs.len(), 1, "{hangs:?}");
    assert!(
        hangs[0].contains("stop is waiting for start to complete"),
        "{hangs:?}"
    );

    server.start().await.unwrap();
    stop.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_second_start_is_warned_about() {
    let (log, _guard) = Log::capture();
    let bus = Bus::new();
    let server = serve(&bus.transport(), failing()).await;
    assert_eq!(log.lines("WARN").len(), 0);
    server.start().await.unwrap();
    assert_eq!(log.lines("start has no effect").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_same_listening_failure_is_logged_once_a_minute() {
    let (log, _guard) = Log::capture();
    let bus = Bus::new();
    let _server = serve(&bus.transport(), failing()).await;
    let failed = ListenError::Failed {
        cause: "no way".to_owned(),
    };
    let other = ListenError::Failed {
        cause: "another way".to_owned(),
    };
    bus.fail_listens(std::iter::repeat_n(failed.clone(), 90));
    bus.fail_listens([other]);
    bus.break_consumers(&failed);
    tokio::time::sleep(Duration::from_secs(200)).await;
    let lines = log.lines("no way");
    assert_eq!(lines.len(), 2, "91 in 91 seconds: {lines:?}");
    assert!(lines[1].contains("unlogged=59"), "{lines:?}");
    assert_eq!(log.lines("another way").len(), 1);
    assert_eq!(bus.consumers(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_duplicate_is_logged() {
    use bergen_messaging::wire::{Id, OutgoingRequest, RawJson};
    let (log, _guard) = Log::capture();
    let bus = Bus::new();
    let endpoint = DynamicEndpoint::new(EndpointTarget::new())
        .method("ok", |_: Call| async { Ok::<_, MethodError>(()) });
    let _server = serve(&bus.transport(), endpoint).await;
    let (id, request) = (
        Id::new(),
        OutgoingRequest::new("ok", RawJson::empty_object()),
    );
    bus.publish("t", &request, id, None).recv().await.unwrap();
    bus.publish("t", &request, id, None).recv().await;
    let line = &log.lines("taken before")[0];
    assert!(line.contains(&id.to_string()), "{line}");
}

#[tokio::test(start_paused = true)]
async fn a_method_name_cannot_forge_a_log_line() {
    let (log, _guard) = Log::capture();
    let bus = Bus::new();
    let transport = bus.transport();
    let _server = serve(&transport, failing()).await;
    let forged = "x\nERROR the sky falls\u{1b}[2J".to_owned();
    client(&transport)
        .call::<()>(&ctxt(), forged, &())
        .await
        .unwrap_err();
    let text = log.text();
    assert!(text.contains("the sky falls"), "{text}");
    assert!(
        !text.contains("\nERROR the sky") && !text.contains('\u{1b}'),
        "{text}"
    );
}
