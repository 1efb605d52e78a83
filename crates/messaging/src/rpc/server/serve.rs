//! Running one request: dispatch, handler, answer.

use std::pin::pin;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::AbortOnDropHandle;

use super::catch_panic::CatchPanic;
use super::engine::Engine;
use super::work::Work;
use super::{Executor, ServerWarning, Shared};
use crate::clock::later;
use crate::driver::{CallReply, IncomingRequest};
use crate::mask::Masked;
use crate::rpc::serializer::convert_members;
use crate::rpc::{Call, MethodError, MethodResult, SerializeError};
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
        let run = pin!(async {
            if self.server.dispatcher.is_late(&incoming.request) {
                Box::pin(self.run_unacknowledged(&incoming)).await
            } else {
                self.run(&incoming).await
            }
        });
        let result = self.offering_cancel(&incoming, run).await;
        drop(keep_alives);
        let reply = result.map(|result| self.account(&incoming, result));
        if incoming.cancellation.is_cancelled() {
            self.cancelled(&incoming, reply.is_none());
        } else if let Some(reply) = reply
            && incoming.wants_reply()
        {
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

    /// Nobody waits for the answer, so none is sent.
    fn cancelled(&self, incoming: &IncomingRequest, dropped: bool) {
        self.counters().cancelled.increment();
        if dropped {
            self.counters().dropped_handlers.increment();
        }
        tracing::debug!(
            method = %incoming.request.method.escape_debug(),
            msg_id = ?incoming.request.msg_id,
            dropped,
            "the caller gave up"
        );
    }

    /// Runs the method, and only then tells the broker that the request is taken; earlier if it runs for too long.
    async fn run_unacknowledged(&self, incoming: &IncomingRequest) -> Option<MethodResult> {
        let mut run = pin!(self.run(incoming));
        let consumer_timeout = self.server.consumer_timeout;
        let longest = consumer_timeout.saturating_sub(consumer_timeout / 6);
        let latest = later(incoming.received, longest);
        let ended = tokio::time::timeout_at(latest, &mut run).await;
        if let Err(error) = incoming.acknowledge() {
            tracing::warn!(method = %incoming.request.method.escape_debug(), "a request may run again elsewhere: {error}");
        }
        if let Ok(result) = ended {
            return result;
        }
        self.counters().acknowledged_early.increment();
        self.server.warn(&ServerWarning::AcknowledgedEarly {
            method: incoming.request.method.as_str().to_owned(),
            after: longest,
            consumer_timeout,
        });
        run.await
    }

    /// Finds the method and runs it where the executor says. `None`: it was dropped, because its caller gave up.
    async fn run(&self, incoming: &IncomingRequest) -> Option<MethodResult> {
        let request = &incoming.request;
        let namespace = request.namespace.as_deref();
        let dispatcher = &self.server.dispatcher;
        let (endpoint, conduct) =
            match dispatcher.route(namespace, &request.version, &request.method) {
                Ok(found) => found,
                Err(error) => return Some(Err(error)),
            };

        let mut call = Call::new(request.context.clone(), request.args.clone());
        call.deadline = incoming.deadline;
        call.redelivered = incoming.redelivered;
        call.cancellation = incoming.cancellation.clone();
        let work = Work {
            server: Arc::clone(&self.server),
            endpoint: Arc::clone(endpoint),
            method: request.method.clone(),
        };
        let drop_cancelled = conduct.drop_cancelled && call.cancellation.is_possible();
        let outcome = if drop_cancelled || self.server.executor == Executor::Blocking {
            Box::pin(self.run_apart(work, call, drop_cancelled)).await
        } else {
            CatchPanic(pin!(work.run(call))).await.map(Some)
        };
        outcome.unwrap_or_else(|panic| {
            self.counters().panics.increment();
            Some(Err(MethodError::runtime_error(format!(
                "{} panicked: {panic}",
                request.method
            ))))
        })
    }

    /// Runs a method where it may block, or so that it can be dropped. `None`: it was.
    async fn run_apart(
        &self,
        work: Work,
        call: Call,
        drop_cancelled: bool,
    ) -> Result<Option<MethodResult>, String> {
        let cancellation = call.cancellation.clone();
        let work = Box::pin(async move {
            let run = work.run(call);
            if !drop_cancelled {
                return Some(run.await);
            }
            tokio::select! {
                biased;
                () = cancellation.cancelled() => None,
                result = run => Some(result),
            }
        });
        if self.server.executor != Executor::Blocking {
            return CatchPanic(work).await;
        }
        let runtime = Handle::current();
        let blocking = move || runtime.block_on(CatchPanic(work));
        tokio::task::spawn_blocking(blocking)
            .await
            .unwrap_or_else(|error| Err(error.to_string()))
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
        let mut failure = error.into_failure();
        if !self.server.tracebacks {
            failure.tb.clear();
        }
        Err(failure)
    }
}

impl Shared {
    /// Lets everybody know who wants to.
    fn warn(&self, warning: &ServerWarning) {
        tracing::warn!(target_ = %self.target, "{warning}");
        if let Some(handle) = &self.on_warning {
            handle(warning);
        }
    }

    /// The request as its method gets it.
    pub(super) fn deserialize(&self, mut call: Call) -> Result<Call, SerializeError> {
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

/// Methods with this ending are health probes; their failures are not logged, as in the peer.
const QUIET: &str = "_ignore_errors";
