//! Running one request: dispatch, handler, answer.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::AbortOnDropHandle;

use super::catch_panic::CatchPanic;
use super::engine::Engine;
use super::{Executor, Shared};
use crate::driver::{CallReply, IncomingRequest};
use crate::mask::Masked;
use crate::rpc::serializer::convert_members;
use crate::rpc::{Call, CurrentRequest, MethodError, MethodResult, SerializeError};
use crate::wire::{JsonKind, RawJson};

impl Engine {
    /// Runs a request that has its place, and answers it.
    pub(super) async fn serve(
        self: Arc<Self>,
        incoming: IncomingRequest,
        place: OwnedSemaphorePermit,
        keep_alives: Option<AbortOnDropHandle<()>>,
    ) {
        self.counters().dispatched.increment();
        tracing::debug!(
            method = %incoming.request.method.escape_debug(),
            namespace = ?incoming.request.namespace,
            version = %incoming.request.version.to_string().escape_debug(),
            msg_id = ?incoming.request.msg_id,
            args = %Masked(&incoming.request.args),
            context = ?incoming.request.context,
            "received a request"
        );
        let result = if self.server.late_acknowledgement {
            self.run_unacknowledged(&incoming).await
        } else {
            self.run(&incoming).await
        };
        let reply = self.account(&incoming, result);
        drop(keep_alives);
        if incoming.wants_reply() {
            // The semaphore is never closed; and the place is given up only for one among the answers.
            let _answer = self.answers.acquire().await;
            drop(place);
            self.answer(&incoming, reply).await;
        }
    }

    async fn answer(&self, incoming: &IncomingRequest, reply: CallReply) {
        match incoming.reply(reply).await {
            Ok(()) => self.counters().replies.increment(),
            Err(error) => {
                self.counters().failed_replies.increment();
                tracing::warn!(
                    method = %incoming.request.method.escape_debug(),
                    msg_id = ?incoming.request.msg_id,
                    "the answer was not delivered: {error}"
                );
            }
        }
    }

    /// Runs the method, and only then tells the broker that the request is taken; earlier if it runs for too long.
    async fn run_unacknowledged(&self, incoming: &IncomingRequest) -> MethodResult {
        let mut run = pin!(self.run(incoming));
        let latest = incoming.received + LONGEST_UNACKNOWLEDGED;
        let ended = tokio::time::timeout_at(latest, &mut run).await;
        if let Err(error) = incoming.acknowledge() {
            tracing::warn!(method = %incoming.request.method.escape_debug(), "a request may run again elsewhere: {error}");
        }
        if let Ok(result) = ended {
            return result;
        }
        tracing::warn!(
            method = %incoming.request.method.escape_debug(),
            "acknowledged a request that still runs, before the broker's consumer timeout"
        );
        run.await
    }

    /// Finds the method and runs it where the executor says.
    async fn run(&self, incoming: &IncomingRequest) -> MethodResult {
        let request = &incoming.request;
        let namespace = request.namespace.as_deref();
        let dispatcher = &self.server.dispatcher;
        let endpoint = dispatcher.find(namespace, &request.version, &request.method)?;

        let mut call = Call::new(request.context.clone(), request.args.clone());
        call.deadline = incoming.deadline;
        call.redelivered = incoming.redelivered;
        let (server, endpoint) = (Arc::clone(&self.server), Arc::clone(endpoint));
        let method = request.method.clone();
        // All code of the program's own is in here, its serializer too: it may panic.
        let work = async move {
            let call = server.deserialize(call)?;
            let context = call.context.clone();
            let current = CurrentRequest::new(context.clone(), call.deadline);
            let running = current.scope(async { endpoint.dispatch(&method, call).await });
            let result = running.await?;
            match &server.serializer {
                None => Ok(result),
                Some(serializer) => Ok(serializer.serialize_entity(&context, result)?),
            }
        };
        let outcome = if self.server.executor == Executor::Blocking {
            let runtime = Handle::current();
            let blocking = move || runtime.block_on(CatchPanic(pin!(work)));
            tokio::task::spawn_blocking(blocking)
                .await
                .unwrap_or_else(|error| Err(error.to_string()))
        } else {
            CatchPanic(pin!(work)).await
        };
        outcome.unwrap_or_else(|panic| {
            self.counters().panics.increment();
            Err(MethodError::runtime_error(format!(
                "{} panicked: {panic}",
                request.method
            )))
        })
    }

    /// Counts and logs how the method ended.
    fn account(&self, incoming: &IncomingRequest, result: MethodResult) -> CallReply {
        let counters = self.counters();
        let error = match result {
            Ok(result) => {
                counters.succeeded.increment();
                return Ok(result);
            }
            Err(error) => error,
        };
        let name = &incoming.request.method;
        let method = name.escape_debug();
        let failure = error.failure();
        if error.is_expected() {
            counters.expected_failures.increment();
            tracing::debug!(
                %method,
                class = failure.class,
                "expected failure: {}", failure.message.escape_debug()
            );
        } else {
            counters.failed.increment();
            // Probes of methods that may not be there are no news.
            if !name.ends_with(QUIET) {
                tracing::error!(
                    %method,
                    module = failure.module,
                    class = failure.class,
                    args = %Masked(&incoming.request.args),
                    "failure while handling a request: {}", failure.message.escape_debug()
                );
            }
        }
        Err(error.into_failure())
    }
}

impl Shared {
    /// The request as its method gets it.
    fn deserialize(&self, mut call: Call) -> Result<Call, SerializeError> {
        if let Some(serializer) = &self.serializer {
            call.context = serializer.deserialize_context(call.context)?;
            if call.arguments.kind() == JsonKind::Object {
                let arguments = convert_members(&call.arguments, |value| {
                    serializer.deserialize_entity(&call.context, value)
                })?;
                call.arguments = RawJson::encode(&arguments)
                    .map_err(|error| SerializeError::new(error.to_string()))?;
            }
        }
        Ok(call)
    }
}

/// How long a request may stay unacknowledged after its receipt. RabbitMQ's `consumer_timeout` is 30 minutes by default.
const LONGEST_UNACKNOWLEDGED: Duration = Duration::from_mins(25);

/// Methods with this ending are health probes; their failures are not logged, as in the peer.
const QUIET: &str = "_ignore_errors";
