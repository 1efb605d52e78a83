use bergen_messaging::rpc::{DynamicEndpoint, MethodError};
use bergen_messaging::wire::RawJson;

use super::*;
use crate::log_lines::LogLines;

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
    let (lines, _guard) = LogLines::capture();
    let mut context = RequestContext::admin_nova();
    context.global_request_id = Some("req-global".to_owned());
    context.user_id = Some("u1".to_owned());
    context.auth_token = Some("gAAAA".to_owned());
    let call = Call::new(context.to_wire(), RawJson::empty_object());
    endpoint().dispatch("reboot", call).await.unwrap();
    context.span().in_scope(|| tracing::info!("more"));
    tracing::info!("afterwards");

    let text = lines.text();
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
