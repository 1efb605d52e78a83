//! Contexts and payloads through the program's own treatment.

use bergen_messaging::notify::{Notifier, NotifyError, Poison};
use bergen_messaging::rpc::{SerializeError, Serializer};
use bergen_messaging::wire::Context;
use serde_json::Value;

use super::*;
use crate::{notifications, url};

/// Wraps payloads on their way out and unwraps them on their way in, and marks contexts.
#[derive(Clone)]
struct Wrapping;

impl Serializer for Wrapping {
    fn serialize_entity(&self, ctxt: &Context, entity: RawJson) -> Result<RawJson, SerializeError> {
        let user: Option<String> = ctxt.get("user").unwrap();
        if entity.is_null() {
            return Err(SerializeError::new("nothing to wrap"));
        }
        let wrapped = serde_json::json!({"by": user, "wrapped": entity.decode::<Value>().unwrap()});
        Ok(RawJson::encode(&wrapped).unwrap())
    }

    fn deserialize_entity(
        &self,
        ctxt: &Context,
        entity: RawJson,
    ) -> Result<RawJson, SerializeError> {
        assert_ne!(entity.as_str(), "\"panic\"");
        assert!(ctxt.raw("opened").is_some(), "the context comes first");
        let wrapped = entity.member("wrapped");
        wrapped.ok_or_else(|| SerializeError::new("not wrapped"))
    }

    fn serialize_context(&self, ctxt: &Context) -> Result<Context, SerializeError> {
        assert!(ctxt.raw("auth_token").is_none(), "secrets are gone by now");
        let mut sent = ctxt.clone();
        sent.insert("closed", &true).unwrap();
        Ok(sent)
    }

    fn deserialize_context(&self, mut ctxt: Context) -> Result<Context, SerializeError> {
        ctxt.insert("opened", &true).unwrap();
        Ok(ctxt)
    }
}

fn context() -> Context {
    let mut ctxt = Context::default();
    ctxt.insert("user", "ada").unwrap();
    ctxt.insert("auth_token", "s3cret").unwrap();
    ctxt
}

#[tokio::test(start_paused = true)]
async fn a_serializer_stands_between_notifier_and_wire() {
    let transport = notifications(&url());
    let notifier = Notifier::builder(&transport, "a").topics(["t"]);
    let notifier = notifier.serializer(Wrapping).build();
    let error = notifier.info(&context(), "a", &()).await.unwrap_err();
    assert!(matches!(error, NotifyError::Serializer(_)), "{error}");
    notifier.info(&context(), "a", &12).await.unwrap();
    let [event] = left(&transport, "t", "info").await.try_into().unwrap();
    let payload: Value = event.payload.decode().unwrap();
    assert_eq!(payload, serde_json::json!({"by": "ada", "wrapped": 12}));
    assert_eq!(event.context.get("closed").unwrap(), Some(true));
}

#[tokio::test(start_paused = true)]
async fn filters_and_endpoints_see_what_the_serializer_made() {
    let transport = notifications(&url());
    let (mut endpoint, mut hear) = Endpoint::new(&[Priority::Info]);
    let filter = Filter::default().payload(["id"], "i-1$").unwrap();
    endpoint.filter = Some(filter);
    let endpoint = endpoint.answers(|event, _| {
        let context = &event.notification().context;
        assert_eq!(context.get("opened").unwrap(), Some(true));
        Ok(Handled::Done)
    });
    let listening = builder(&transport).endpoint(endpoint).serializer(Wrapping);
    let listener = listening.start().await.unwrap();
    let notifier = Notifier::builder(&transport, "a").topics(["t"]).build();
    let notifier = notifier.with_serializer(Wrapping);
    for id in ["i-2", "i-1"] {
        let payload = serde_json::json!({"id": id});
        notifier.info(&context(), id, &payload).await.unwrap();
    }
    assert_eq!(next_type(&mut hear).await, "i-1");
    until(&listener, |listener| listener.stats().handled == 1).await;
    end(listener).await;
}

#[tokio::test(start_paused = true)]
async fn what_the_serializer_refuses_is_a_dead_letter_at_once_and_as_it_came() {
    let transport = notifications(&url());
    let (endpoint, mut hear) = Endpoint::new(&[Priority::Info]);
    let listening = builder(&transport).endpoint(endpoint).serializer(Wrapping);
    let listening = listening.poison(Poison::dead_letters("dead"));
    let listener = listening.start().await.unwrap();
    let notifier = Notifier::builder(&transport, "a").topics(["t"]).build();
    for payload in ["bare", "panic"] {
        notifier.info(&context(), payload, payload).await.unwrap();
    }
    until(&listener, |listener| listener.stats().dead_lettered == 2).await;
    assert_eq!(listener.stats().failures, 2);
    end(listener).await;
    assert!(hear.try_recv().is_err(), "no endpoint was asked");
    for event in left(&transport, "dead", "info").await {
        let letter: Value = event.context.get("bergen_dead_letter").unwrap().unwrap();
        assert_eq!(letter["attempts"], 1);
        assert_eq!(event.payload.decode::<String>().unwrap(), event.event_type);
        assert!(event.context.raw("opened").is_none());
        let reason = letter["reason"].as_str().unwrap();
        match event.event_type.as_str() {
            "bare" => assert_eq!(reason, "not wrapped"),
            _ => assert!(reason.starts_with("panic: "), "{reason}"),
        }
    }
}
