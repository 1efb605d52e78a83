//! A conductor in the place of nova's, for tests: the records of services behind its API, over a bus in memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use bergen_messaging::rpc::{Call, DynamicEndpoint, MethodError, RpcServer};
use bergen_messaging::target::{EndpointTarget, ServerTarget};
use bergen_messaging::transport::RpcTransport;
use bergen_testing::TestBus;
use serde_json::{Map, Value, json};

use super::BaseRpcApi;

pub(super) const HOST: &str = "cmp-1";

/// The bus, and the conductor on it.
pub(super) struct StandIn {
    pub(super) bus: TestBus,
    pub(super) transport: RpcTransport,
    state: Arc<Mutex<State>>,
    server: Option<RpcServer>,
}

/// What the conductor has and what it will do.
#[derive(Default)]
pub(super) struct State {
    /// The data of the one record, if there is one.
    pub(super) row: Option<Map<String, Value>>,
    /// What `get_minimum_version` answers.
    pub(super) minimum: i64,
    /// What methods fail with, each once: its name, whether it is done all the same, the error.
    pub(super) refusals: VecDeque<(&'static str, bool, MethodError)>,
    /// The methods of objects that were run, in order.
    pub(super) ran: Vec<String>,
}

impl StandIn {
    /// A bus under virtual time, without a conductor yet.
    pub(super) fn absent() -> Self {
        let bus = TestBus::with_virtual_time();
        let mut options = bergen_messaging::options::defaults();
        options
            .set("DEFAULT", "host", HOST, bergen_config::Source::Code)
            .unwrap();
        let transport = RpcTransport::new(
            bus.options::<bergen_messaging::transport::OwnDrivers>()
                .options(options)
                .control_exchange("nova"),
        )
        .unwrap();
        Self {
            bus,
            transport,
            state: Arc::default(),
            server: None,
        }
    }

    /// A bus with a conductor that serves.
    pub(super) async fn serving() -> Self {
        let mut stand_in = Self::absent();
        stand_in.serve().await;
        stand_in
    }

    pub(super) async fn serve(&mut self) {
        let target = ServerTarget::new("conductor", "c-1");
        let server = RpcServer::builder(&self.transport, target)
            .endpoint(self.endpoint())
            .endpoint(BaseRpcApi::new("conductor", None))
            .build();
        server.start().await.unwrap();
        self.server = Some(server);
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The same, for those who write down there what they do.
    pub(super) fn shared(&self) -> Arc<Mutex<State>> {
        Arc::clone(&self.state)
    }

    /// Lets a method fail once.
    pub(super) fn refuse(&self, method: &'static str, done: bool, error: impl Into<MethodError>) {
        let refusal = (method, done, error.into());
        self.state().refusals.push_back(refusal);
    }

    fn endpoint(&self) -> DynamicEndpoint {
        let (class, object) = (Arc::clone(&self.state), Arc::clone(&self.state));
        DynamicEndpoint::new(EndpointTarget::new().version((3, 0)))
            .method("object_class_action_versions", move |call: Call| {
                let answer = class.lock().unwrap().class_action(&arguments(&call));
                async move { Ok::<_, MethodError>(answer) }
            })
            .method("object_action", move |call: Call| {
                let answer = object.lock().unwrap().object_action(&arguments(&call));
                async move { answer }
            })
    }
}

impl State {
    fn class_action(&mut self, request: &Value) -> Value {
        let method = request["objmethod"].as_str().unwrap();
        self.ran.push(method.to_owned());
        match method {
            "get_minimum_version" => json!(self.minimum),
            "get_by_host_and_binary" => match &self.row {
                Some(row) => json!({
                    "nova_object.name": "Service",
                    "nova_object.namespace": "nova",
                    "nova_object.version": request["object_versions"]["Service"],
                    "nova_object.data": row,
                }),
                None => Value::Null,
            },
            other => panic!("{other}"),
        }
    }

    fn object_action(&mut self, request: &Value) -> Result<Value, MethodError> {
        let method = request["objmethod"].as_str().unwrap();
        self.ran.push(method.to_owned());
        let refusal = self
            .refusals
            .pop_front_if(|(refused, ..)| *refused == method);
        let Some((_, done, error)) = refusal else {
            return Ok(self.run(method, &request["objinst"]));
        };
        if done {
            self.run(method, &request["objinst"]);
        }
        Err(error)
    }

    fn run(&mut self, method: &str, object: &Value) -> Value {
        let data = object["nova_object.data"].as_object().unwrap().clone();
        let updates = match method {
            "create" => {
                let mut row = data;
                row.extend(object_of(json!({
                    "id": 3, "uuid": "c9af3eb8-66e2-4a0b-907e-ebcf6e0af300",
                    "disabled": false, "disabled_reason": null, "forced_down": false,
                    "last_seen_up": null, "created_at": "2026-11-22T01:21:52Z", "updated_at": null,
                })));
                self.row = Some(row.clone());
                row
            }
            "save" => {
                let row = self.row.as_mut().unwrap();
                for changed in object["nova_object.changes"].as_array().unwrap() {
                    let name = changed.as_str().unwrap();
                    row.insert(name.to_owned(), data[name].clone());
                }
                row.clone()
            }
            "destroy" => self.row.take().unwrap_or_default(),
            other => panic!("{other}"),
        };
        let mut updates = Value::Object(updates);
        updates["obj_what_changed"] = json!([]);
        json!([updates, null])
    }
}

pub(super) fn object_of(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("{other}"),
    }
}

fn arguments(call: &Call) -> Value {
    call.arguments.decode().unwrap()
}
