use std::io;
use std::sync::{Arc, Mutex};

use bergen_messaging::rpc::{DynamicEndpoint, MethodError};
use bergen_messaging::wire::RawJson;

use super::*;

/// Where log lines go.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn endpoint() -> WithRequestSpan<DynamicEndpoint> {
    let logging = |_: Call| async {
        tokio::task::yield_now().await;
        tracing::info!("rebooting");
        Ok::<_, MethodError>(())
    };
    WithRequestSpan(DynamicEndpoint::new(EndpointTarget::new()).method("reboot", logging))
}

#[tokio::test]
async fn lines_of_a_method_have_the_requests_ids_and_no_token() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut context = RequestContext::admin_nova();
    context.global_request_id = Some("req-global".to_owned());
    context.user_id = Some("u1".to_owned());
    context.auth_token = Some("gAAAA".to_owned());
    let call = Call::new(context.to_wire(), RawJson::empty_object());
    endpoint().dispatch("reboot", call).await.unwrap();
    context.span().in_scope(|| tracing::info!("more"));
    tracing::info!("afterwards");

    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let [inside, more, after] = text.lines().collect::<Vec<_>>()[..] else {
        panic!("{text}")
    };
    for part in [&*context.request_id, "req-global", "u1"] {
        assert!(
            inside.contains(part) && more.contains(part),
            "{part}: {text}"
        );
        assert!(!after.contains(part), "{part}: {after}");
    }
    assert!(!text.contains("gAAAA"), "{text}");
}

#[tokio::test]
async fn nobody_who_listens_is_no_hindrance() {
    let call = Call::new(Context::default(), RawJson::empty_object());
    assert_eq!(
        endpoint().dispatch("reboot", call).await,
        Ok(RawJson::null())
    );
    assert_eq!(endpoint().methods().len(), 1);
}
