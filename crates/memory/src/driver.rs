//! The driver: the trait, and what its methods share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bergen_amqp::codec::BasicProperties;
use bergen_broker::core::{Message, Refusal};
use bergen_messaging::driver::{
    Bound, BoxFuture, CallOptions, CallReply, Capabilities, CastOptions, Driver, DriverError,
    ListenError, ListenOptions, Listener, NotificationSink, NotifyOptions, RequestSink, SendError,
};
use bergen_messaging::notify::Notification;
use bergen_messaging::target::Target;
use bergen_messaging::url::TransportUrl;
use bergen_messaging::wire::{Id, OutgoingRequest, RawJson, Request, RequestVersion, Text};
use tokio::time::Instant;

use super::bus::{Bus, QueueState};
use super::buses;
use super::caller::Caller;
use super::callers::Callers;
use super::listener::{Listeners, MemoryListener};
use super::outlet::{Outlet, Sink};
use super::parcel::{Parcel, RequestParcel};
use super::responder::REPLY_QUEUE;
use super::settings::MemoryOptions;
use super::stats::{Counters, MemoryStats};
use super::topology::{self, Binding, Route};

/// The driver behind `memory://` and `fake://`.
pub struct MemoryDriver {
    pub(crate) bus: Arc<Bus>,
    pub(crate) options: MemoryOptions,
    pub(crate) counters: Arc<Counters>,
    pub(crate) callers: Callers,
    control_exchange: Arc<str>,
    listeners: Mutex<Listeners>,
}

impl MemoryDriver {
    /// A driver on the bus that `url` names by its hosts and its virtual host. `control_exchange` is the exchange of
    /// targets that name none.
    ///
    /// # Errors
    /// The URL has an option that is unknown or has no acceptable value; see [`MemoryOptions`].
    pub fn new(url: &TransportUrl, control_exchange: &str) -> Result<Self, DriverError> {
        Ok(Self {
            options: MemoryOptions::of(url)?,
            bus: buses::bus(url),
            counters: Arc::default(),
            callers: Callers::default(),
            control_exchange: control_exchange.into(),
            listeners: Mutex::default(),
        })
    }

    /// What the driver has counted so far.
    pub fn stats(&self) -> MemoryStats {
        let mut stats = self.counters.snapshot();
        stats.waiting_calls = self.callers.len() as u64;
        stats
    }

    /// How a queue of the bus stands, `None` if there is none of that name. They are named as on RabbitMQ: `<topic>`,
    /// `<topic>.<server>`, `<topic>.<priority>` or the name of a pool.
    pub fn queue(&self, name: &str) -> Option<QueueState> {
        self.bus.turn(Instant::now(), |state| state.queue(name))
    }

    /// Publishes a message; false if no queue took it.
    pub(crate) fn publish(
        &self,
        message: &Arc<Message<Parcel>>,
        now: Instant,
    ) -> Result<bool, SendError> {
        let limit = self.options.max_waiting_bytes;
        self.bus.turn(now, |state| {
            if state.message_bytes() >= limit {
                let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                return Err(SendError::Overloaded(Bound::WaitingBytes(limit)));
            }
            Ok(state.publish(Arc::clone(message)).routed)
        })
    }

    /// The request as its server gets it.
    pub(crate) fn request(
        &self,
        route: &Route,
        request: &OutgoingRequest,
        call: Option<(Id, Arc<Caller>, Instant)>,
        now: Instant,
    ) -> Arc<Message<Parcel>> {
        let deadline = call.as_ref().map(|(_, _, deadline)| *deadline);
        let monitor = request.monitor.filter(|_| call.is_some());
        let seconds = monitor.and_then(|monitor| RawJson::encode(&monitor.as_secs_f64()).ok());
        let received = Request {
            method: request.method.clone(),
            args: request.args.clone(),
            namespace: request.namespace.clone(),
            version: request.version.map_or(RequestVersion::Absent, |version| {
                RequestVersion::Text(version.to_string().into())
            }),
            context: request.context.clone().with_client_timeout(monitor),
            msg_id: call.as_ref().map(|(id, ..)| Text::from(*id)),
            reply_q: call.as_ref().map(|_| Text::from(REPLY_QUEUE)),
            timeout: call.as_ref().map(|_| seconds.unwrap_or_else(RawJson::null)),
            unique_id: Some(Text::from(Id::new())),
            cancel: call.is_some() && self.options.cancel_calls,
        };
        let parcel = RequestParcel {
            request: received,
            deadline,
            caller: call.map(|(_, caller, _)| caller),
        };
        let expiration = deadline.map(|deadline| {
            let left = deadline.saturating_duration_since(now).as_millis();
            // Longer ones are none.
            left.min(EXPIRATION_LIMIT).to_string().into()
        });
        message(
            route,
            Parcel::Request(parcel),
            BasicProperties {
                expiration,
                ..BasicProperties::default()
            },
        )
    }

    fn cast_on(
        &self,
        target: &Target,
        request: &OutgoingRequest,
        options: &CastOptions,
    ) -> Result<(), SendError> {
        let now = self.open(options.deadline)?;
        let route = if target.fanout {
            self.counters.fanouts.increment();
            Route::fanout(target)?
        } else {
            self.counters.casts.increment();
            Route::direct(&self.control_exchange, target)?
        };
        let message = self.request(&route, request, None, now);
        let routed = self.publish(&message, now)?;
        if routed || target.fanout || !options.at_least_once {
            return Ok(());
        }
        Err(SendError::Undeliverable {
            exchange: route.exchange.to_string(),
            routing_key: route.routing_key.to_string(),
        })
    }

    fn notify_on(
        &self,
        target: &Target,
        priority: &str,
        notification: &Notification,
        options: &NotifyOptions,
    ) -> Result<(), SendError> {
        let now = self.open(options.deadline)?;
        self.counters.notifications.increment();
        let route = Route::notification(&self.control_exchange, target, priority)?;
        let kept = self.bus.turn(now, |state| state.keep_notifications(&route));
        kept.map_err(|refusal| SendError::Refused {
            cause: refusal.to_string(),
        })?;
        let notification = Notification {
            // One event published to two topics is two messages.
            unique_id: Some(Id::new().to_string()),
            ..notification.clone()
        };
        let parcel = Parcel::Notification(notification);
        self.publish(&message(&route, parcel, BasicProperties::default()), now)?;
        Ok(())
    }

    /// The time, unless the driver is closed or the deadline has passed.
    fn open(&self, deadline: Option<Instant>) -> Result<Instant, SendError> {
        if self.callers.are_closed() {
            return Err(SendError::Closed);
        }
        let now = Instant::now();
        if deadline.is_some_and(|deadline| deadline <= now) {
            return Err(SendError::DeliveryFailure {
                cause: "its deadline had passed before it was sent".to_owned(),
            });
        }
        Ok(now)
    }

    fn listen_on(
        &self,
        bindings: &[Binding],
        options: &ListenOptions,
        sink: Sink,
    ) -> Result<Box<dyn Listener>, ListenError> {
        if self.callers.are_closed() {
            return Err(ListenError::Closed);
        }
        let (bus, counters) = (&self.bus, &self.counters);
        let outlet = |channel| {
            let (bus, counters) = (Arc::clone(bus), Arc::clone(counters));
            Arc::new(Outlet::new(bus, channel, sink, counters))
        };
        let listened = bus.turn(Instant::now(), |state| {
            state.listen(bindings, options.prefetch, outlet)
        });
        let outlet = listened.map_err(|refusal| failed(&refusal))?;
        let listener = MemoryListener::new(Arc::clone(&outlet));
        let mut listeners = self.listeners();
        // Who closes the driver from here on finds it there.
        if self.callers.are_closed() {
            drop(listeners);
            return Err(ListenError::Closed);
        }
        listeners.add(&outlet);
        drop(listeners);
        bus.listened.notify_waiters();
        Ok(Box::new(listener))
    }

    fn shut(&self) {
        if self.callers.close() {
            let listeners = std::mem::take(&mut *self.listeners());
            listeners.release();
        }
    }

    fn listeners(&self) -> MutexGuard<'_, Listeners> {
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Driver for MemoryDriver {
    fn capabilities(&self) -> Capabilities {
        Capabilities::all()
    }

    fn call<'a>(
        &'a self,
        target: &'a Target,
        request: &'a OutgoingRequest,
        options: CallOptions,
    ) -> BoxFuture<'a, Result<CallReply, SendError>> {
        Box::pin(async move {
            let route = Route::direct(&self.control_exchange, target)?;
            self.call_on(route, request, options).await
        })
    }

    fn cast<'a>(
        &'a self,
        target: &'a Target,
        request: &'a OutgoingRequest,
        options: CastOptions,
    ) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(async move { self.cast_on(target, request, &options) })
    }

    fn send_notification<'a>(
        &'a self,
        target: &'a Target,
        priority: &'a str,
        notification: &'a Notification,
        options: NotifyOptions,
    ) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(async move { self.notify_on(target, priority, notification, &options) })
    }

    fn listen<'a>(
        &'a self,
        target: &'a Target,
        options: ListenOptions,
        sink: Arc<dyn RequestSink>,
    ) -> BoxFuture<'a, Result<Box<dyn Listener>, ListenError>> {
        Box::pin(async move {
            let bindings = topology::server(&self.control_exchange, target, Id::new())?;
            self.listen_on(&bindings, &options, Sink::Requests(sink))
        })
    }

    fn listen_for_notifications<'a>(
        &'a self,
        targets_and_priorities: &'a [(Target, String)],
        pool: Option<&'a str>,
        options: ListenOptions,
        sink: Arc<dyn NotificationSink>,
    ) -> BoxFuture<'a, Result<Box<dyn Listener>, ListenError>> {
        Box::pin(async move {
            let binding = |(target, priority): &(Target, String)| {
                let (exchange, temporary) = (&self.control_exchange, options.temporary_pool);
                topology::notifications(exchange, target, priority, pool, temporary)
            };
            let bindings: Result<Vec<_>, _> = targets_and_priorities.iter().map(binding).collect();
            self.listen_on(&bindings?, &options, Sink::Notifications(sink))
        })
    }

    fn close(&self, _: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async { self.shut() })
    }
}

impl Drop for MemoryDriver {
    fn drop(&mut self) {
        self.shut();
    }
}

impl std::fmt::Debug for MemoryDriver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryDriver")
            .field("control_exchange", &self.control_exchange)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

fn message(
    route: &Route,
    parcel: Parcel,
    properties: BasicProperties<'static>,
) -> Arc<Message<Parcel>> {
    Arc::new(Message {
        exchange: Arc::clone(&route.exchange),
        routing_key: Arc::clone(&route.routing_key),
        properties,
        body: parcel,
    })
}

fn failed(refusal: &Refusal) -> ListenError {
    ListenError::Failed {
        cause: refusal.to_string(),
    }
}

/// What RabbitMQ takes as an expiration at most, in milliseconds.
const EXPIRATION_LIMIT: u128 = u32::MAX as u128;
