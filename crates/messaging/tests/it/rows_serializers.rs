//! Serializers as programs write them: one for request contexts around one for entities, and one for versioned
//! objects at any depth.

use std::sync::{Arc, Mutex};

use bergen_messaging::rpc::{
    Arguments, Call, CurrentRequest, DynamicEndpoint, MethodError, Parameter, RpcClient, RpcServer,
    SerializeError, Serializer,
};
use bergen_messaging::target::{ClientTarget, EndpointTarget, ServerTarget};
use bergen_messaging::wire::{Context, Id, OutgoingRequest, RawJson};
use serde_json::{Map, Value, json};

use crate::bus::{Answer, Bus};

/// Contexts as neutron's agents send them; entities are left to another serializer.
struct RequestContextSerializer<S>(S);

impl<S: Serializer> Serializer for RequestContextSerializer<S> {
    fn serialize_entity(&self, ctxt: &Context, entity: RawJson) -> Result<RawJson, SerializeError> {
        self.0.serialize_entity(ctxt, entity)
    }

    fn deserialize_entity(
        &self,
        ctxt: &Context,
        entity: RawJson,
    ) -> Result<RawJson, SerializeError> {
        self.0.deserialize_entity(ctxt, entity)
    }

    /// A project is sent under both of its names, for servers that know only the older one.
    fn serialize_context(&self, ctxt: &Context) -> Result<Context, SerializeError> {
        let mut ctxt = ctxt.clone();
        let project = ctxt.raw("project_id").cloned();
        insert(&mut ctxt, "tenant", &project)?;
        Ok(ctxt)
    }

    /// What the sender calls tenant is the project; who is admin is not for the sender to say.
    fn deserialize_context(&self, mut ctxt: Context) -> Result<Context, SerializeError> {
        if let Some(tenant) = ctxt.remove("tenant") {
            insert(&mut ctxt, "project_id", &tenant)?;
        }
        ctxt.remove("is_admin");
        Ok(ctxt)
    }
}

fn insert(
    ctxt: &mut Context,
    key: &str,
    value: &impl serde::Serialize,
) -> Result<(), SerializeError> {
    let inserted = ctxt.insert(key.to_owned(), value);
    inserted.map_err(|error| SerializeError::new(error.to_string()))
}

/// Objects with a name and a version, in maps and lists of any depth, as nova sends them.
struct ObjectSerializer;

impl Serializer for ObjectSerializer {
    fn serialize_entity(&self, _: &Context, entity: RawJson) -> Result<RawJson, SerializeError> {
        converted(&entity, &|object| {
            let name = object.remove("object")?;
            let data = Value::Object(std::mem::take(object));
            Some(
                json!({"nova_object.name": name, "nova_object.version": "1.0", "nova_object.data": data}),
            )
        })
    }

    fn deserialize_entity(&self, _: &Context, entity: RawJson) -> Result<RawJson, SerializeError> {
        converted(&entity, &|object| {
            let name = object.remove("nova_object.name")?;
            let mut data = object.remove("nova_object.data")?.as_object()?.clone();
            data.insert("object".to_owned(), name);
            Some(Value::Object(data))
        })
    }
}

type Convert = dyn Fn(&mut Map<String, Value>) -> Option<Value>;

fn converted(entity: &RawJson, convert: &Convert) -> Result<RawJson, SerializeError> {
    let wrong = |error: String| SerializeError::new(error);
    let value: Value = entity.decode().map_err(|error| wrong(error.to_string()))?;
    RawJson::encode(&walk(value, convert)).map_err(|error| wrong(error.to_string()))
}

fn walk(value: Value, convert: &Convert) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(|item| walk(item, convert)).collect(),
        Value::Object(members) => {
            let mut members: Map<_, _> = members
                .into_iter()
                .map(|(key, member)| (key, walk(member, convert)))
                .collect();
            convert(&mut members).unwrap_or(Value::Object(members))
        }
        plain => plain,
    }
}

fn serializer() -> RequestContextSerializer<ObjectSerializer> {
    RequestContextSerializer(ObjectSerializer)
}

/// A server whose `show` answers its arguments and notes what it saw.
async fn server(bus: &Arc<Bus>) -> (RpcServer, Arc<Mutex<Vec<(Context, Context, Value)>>>) {
    const PARAMETERS: &[Parameter] = &[Parameter::required("entity"), Parameter::required("more")];
    let seen: Arc<Mutex<Vec<_>>> = Arc::default();
    let endpoint = DynamicEndpoint::new(EndpointTarget::new()).method("show", {
        let seen = Arc::clone(&seen);
        move |call: Call| {
            let seen = Arc::clone(&seen);
            async move {
                let mut arguments = call.bind("show", PARAMETERS)?;
                let (entity, more): (Value, Value) =
                    (arguments.take("entity")?, arguments.take("more")?);
                let current = CurrentRequest::get().unwrap().context;
                seen.lock()
                    .unwrap()
                    .push((call.context.clone(), current, entity.clone()));
                Ok::<_, MethodError>([entity, more])
            }
        }
    });
    let server = RpcServer::builder(&bus.transport(), ServerTarget::new("t", "s"))
        .endpoint(endpoint)
        .serializer(serializer())
        .build();
    server.start().await.unwrap();
    (server, seen)
}

fn nested() -> Value {
    let instance =
        json!({"object": "Instance", "uuid": "i-1", "flavor": {"object": "Flavor", "id": 7}});
    json!({"map": {"list": [instance, [1, {"object": "Host"}]]}, "plain": "text"})
}

fn on_the_wire() -> Value {
    let object = |name: &str, data: Value| json!({"nova_object.name": name, "nova_object.version": "1.0", "nova_object.data": data});
    let flavor = object("Flavor", json!({"id": 7}));
    let instance = object("Instance", json!({"uuid": "i-1", "flavor": flavor}));
    json!({"map": {"list": [instance, [1, object("Host", json!({}))]]}, "plain": "text"})
}

#[tokio::test(start_paused = true)]
async fn contexts_and_entities_go_through_serializers_that_wrap_each_other() {
    let bus = Bus::new();
    let (_server, seen) = server(&bus).await;
    let client = RpcClient::builder(&bus.transport(), ClientTarget::new("t"))
        .serializer(serializer())
        .build();
    let mut ctxt = Context::default();
    ctxt.insert("project_id", "p1").unwrap();
    ctxt.insert("is_admin", &true).unwrap();
    let arguments = Arguments::new()
        .with("entity", &nested())
        .unwrap()
        .with("more", &[nested()])
        .unwrap();
    let answer: Value = client.call(&ctxt, "show", &arguments).await.unwrap();
    assert_eq!(answer, json!([nested(), [nested()]]));

    let (context, current, entity) = seen.lock().unwrap().pop().unwrap();
    assert_eq!(entity, nested(), "the method has objects");
    assert_eq!(context.get("project_id"), Ok(Some("p1".to_owned())));
    assert!(context.raw("tenant").is_none() && context.raw("is_admin").is_none());
    assert_eq!(current.get("project_id"), Ok(Some("p1".to_owned())));
    assert!(
        current.raw("is_admin").is_none(),
        "the current context is the converted one"
    );
}

#[tokio::test(start_paused = true)]
async fn objects_nested_in_maps_and_lists_travel_in_their_own_form() {
    let bus = Bus::new();
    let (_server, seen) = server(&bus).await;
    // As a peer sends it, and as a peer gets it.
    let arguments = RawJson::encode(&json!({"entity": on_the_wire(), "more": null})).unwrap();
    let mut request = OutgoingRequest::new("show", arguments);
    request.context.insert("tenant", "p2").unwrap();
    let mut answers = bus.publish("t", &request, Id::new(), None);
    let Some(Answer::Reply(Ok(result))) = answers.recv().await else {
        panic!("no result")
    };
    assert_eq!(
        result.decode::<Value>().unwrap(),
        json!([on_the_wire(), null])
    );
    let (context, _, entity) = seen.lock().unwrap().pop().unwrap();
    assert_eq!(entity, nested());
    assert_eq!(context.get("project_id"), Ok(Some("p2".to_owned())));
}
