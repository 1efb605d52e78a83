//! The driver for RabbitMQ, wire-compatible with oslo.messaging's.
//!
//! # How it works
//!
//! Two connections for each driver, opened when first needed: one publishes, one consumes, so that a broker that
//! blocks publishers never stalls acknowledgements. Drivers of one registry with equal URL and options share the two;
//! the last one to close says goodbye. On the publish connection each class of messages (topic, fanout,
//! replies) has a confirm channel of its own, and declares another one: the broker closes a channel for one bad publish
//! and discards what was pipelined behind it.
//!
//! What *should* exist is kept here, above the connection: a publish is a future that holds its message until the
//! broker has confirmed it and publishes it again, with the same ids, after a loss; consumers are an intent that a task
//! establishes on whichever host answers next, with the same queue names; pending calls stay in a table and go on
//! waiting.

mod abandoned;
mod answers;
mod backlog;
mod backoff;
mod broker_version;
mod call;
mod cancels;
mod consumers;
mod declare;
mod declares;
mod failure;
mod fanout_queue;
mod fanouts;
mod half_open;
mod hosts;
mod incoming;
mod lane;
mod link;
mod links;
mod listener;
mod lock_file;
mod message;
mod missing_queues;
mod notifications;
mod probes;
mod publisher;
mod queue_manager;
mod queue_names;
mod replies;
mod route;
mod running;
mod sender;
mod server;
mod settings;
mod stats;
mod stream;
mod supervisor;
mod topology;
mod waiters;

use std::sync::Arc;

use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use stats::RabbitStats;

pub use crate::options::{RabbitTuning, Republish, StreamOffset};

use crate::log_limit::LogLimit;
use answers::Answers;
use backlog::Backlog;
use broker_version::VersionCheck;
use cancels::Cancels;
use consumers::{Consumers, Ground, Intent};
use fanout_queue::FanoutQueue;
use link::LinkSettings;
use links::{Links, Sharing};
use listener::RabbitListener;
use message::Class;
use probes::Probes;
use publisher::Publisher;
use replies::Replies;
use route::{Route, exchange_name};
use running::Running;
use sender::Sender;
use server::RequestReceiver;
use settings::Settings;
use stats::Counters;
use supervisor::Supervisor;
use topology::Topology;
use waiters::Waiters;

use crate::driver::{
    BoxFuture, CallOptions, CallReply, Capabilities, CastOptions, Driver, DriverConfig,
    DriverError, DriverRegistry, ListenError, ListenOptions, Listener, NotificationSink,
    NotifyOptions, RequestSink, SendError,
};
use crate::notify::Notification;
use crate::options::RabbitOptions;
use crate::target::Target;
use crate::url::TransportUrl;
use crate::wire::OutgoingRequest;

/// Registers this driver under `rabbit`, and under `kombu`, the peer's older name for it.
pub fn register(registry: &mut DriverRegistry) {
    let links = Arc::new(Links::default());
    registry.register("rabbit", move |config| create(config, &links));
    registry.alias("kombu", "rabbit");
}

fn create(config: DriverConfig, links: &Arc<Links>) -> Result<Arc<dyn Driver>, DriverError> {
    let DriverConfig {
        url,
        control_exchange,
        options,
        ..
    } = config;
    let options =
        RabbitOptions::new(&options, &url).map_err(|error| DriverError::InvalidOption {
            driver: "rabbit".to_owned(),
            cause: error.to_string(),
        })?;
    let settings = Settings::new(&url, &control_exchange, &options)?;
    let sharing = Sharing {
        links: Arc::clone(links),
        url,
        options,
    };
    Ok(Arc::new(RabbitDriver::from_settings(
        settings,
        Some(&sharing),
    )))
}

/// The driver behind `rabbit://` and `kombu://`.
pub struct RabbitDriver {
    settings: Arc<Settings>,
    topology: Topology,
    sender: Sender,
    answers: Arc<Answers>,
    /// What consumers live on: the consume connection and what they share.
    ground: Ground,
    publish_connection: Arc<Supervisor>,
    undecodable: Arc<LogLimit>,
}

impl RabbitDriver {
    /// Makes a driver for the hosts of `url`, with connections of its own. It connects when it is first used.
    /// `control_exchange` is the exchange of targets that name none.
    ///
    /// # Errors
    /// Options exclude one another, or ask for what this driver does not do.
    pub fn new(
        url: &TransportUrl,
        control_exchange: &str,
        options: &RabbitOptions,
    ) -> Result<Self, DriverError> {
        let settings = Settings::new(url, control_exchange, options)?;
        Ok(Self::from_settings(settings, None))
    }

    /// What the driver has counted so far.
    pub fn stats(&self) -> RabbitStats {
        let connections = [&self.publish_connection, &self.ground.supervisor];
        let links: Vec<_> = connections
            .iter()
            .filter_map(|connection| connection.counters())
            .collect();
        self.ground.counters.snapshot(&links)
    }

    /// What the connections that are open now have done, the one that publishes first. Divided by each other, the
    /// figures show how well traffic is batched.
    pub fn connection_stats(&self) -> Vec<bergen_amqp::client::Stats> {
        let connections = [&self.publish_connection, &self.ground.supervisor];
        let open = connections
            .iter()
            .filter_map(|connection| connection.current());
        open.map(|epoch| epoch.connection.stats()).collect()
    }

    fn from_settings(settings: Settings, sharing: Option<&Sharing>) -> Self {
        let settings = Arc::new(settings);
        let counters = Arc::new(Counters::default());
        let topology = Topology::new(settings.topology.clone());
        let tasks = TaskTracker::new();
        let connection = |role| {
            let link = LinkSettings {
                role,
                hosts: settings.hosts_for(role),
                failover: settings.failover,
                backoff: settings.backoff.clone(),
            };
            Arc::new(Supervisor::new(link, sharing.cloned()))
        };
        let (publish, consume) = (connection("publish"), connection("consume"));
        let hosts: Arc<str> = settings.host_names().into();
        let publisher = Arc::new(Publisher::new(
            &publish,
            &counters,
            settings.tuning.republish,
            settings.compression,
            settings.topology.stream_fanout,
        ));
        let ground = Ground {
            supervisor: consume,
            backoff: settings.backoff.clone(),
            hosts: Arc::clone(&hosts),
            counters: Arc::clone(&counters),
            limits: settings.limits,
            tasks: tasks.clone(),
            version_check: Arc::new(VersionCheck::new(&topology)),
            closing: CancellationToken::new(),
        };
        let cancels = Cancels::new(
            Arc::clone(&publisher),
            Arc::clone(&counters),
            tasks.clone(),
            ground.closing.clone(),
        );
        let waiters = Arc::new(Waiters::new(settings.tuning.max_waiting_calls).cancelling(cancels));
        let running = Arc::new(Running::default());
        let replies = Arc::new(Replies::new(
            topology.clone(),
            settings.queue_names.clone(),
            settings.prefetch,
            Arc::clone(&waiters),
            Arc::clone(&running),
            ground.clone(),
        ));
        let sender = Sender {
            settings: Arc::clone(&settings),
            hosts,
            counters: Arc::clone(&counters),
            publish_connection: Arc::clone(&publish),
            publisher: Arc::clone(&publisher),
            waiters,
            backlog: Backlog::new(settings.tuning.max_waiting_bytes),
            replies: Arc::clone(&replies),
            probes: Probes::new(
                Arc::clone(&publish),
                Arc::clone(&counters),
                tasks,
                ground.closing.clone(),
            ),
        };
        let answers = Answers::new(
            publisher,
            counters,
            (replies, running),
            settings.mandatory_replies,
            settings.missing_queue_retry,
        );
        Self {
            settings,
            topology,
            sender,
            answers: Arc::new(answers),
            ground,
            publish_connection: publish,
            undecodable: Arc::new(LogLimit::new(LogLimit::MINUTE)),
        }
    }

    async fn start_listener(&self, intent: Intent) -> Result<Box<dyn Listener>, ListenError> {
        let consumers = Consumers::start(intent, &self.ground);
        let listener = RabbitListener::start(
            consumers,
            &self.ground.supervisor,
            &self.ground.hosts,
            self.settings.tuning.listen_timeout,
        );
        Ok(Box::new(listener.await?))
    }
}

impl Driver for RabbitDriver {
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
            let route = Route::direct(&self.topology, &self.settings.control_exchange, target)?;
            self.sender.call(route, request, options).await
        })
    }

    fn cast<'a>(
        &'a self,
        target: &'a Target,
        request: &'a OutgoingRequest,
        options: CastOptions,
    ) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(async move {
            let (class, route) = if target.fanout {
                (Class::Fanout, Route::fanout(&self.topology, target)?)
            } else {
                let route = Route::direct(&self.topology, &self.settings.control_exchange, target)?;
                (Class::Cast, route)
            };
            self.sender.cast(class, route, request, options).await
        })
    }

    fn send_notification<'a>(
        &'a self,
        target: &'a Target,
        priority: &'a str,
        notification: &'a Notification,
        options: NotifyOptions,
    ) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(async move {
            let exchange = &self.settings.control_exchange;
            let route = Route::notification(&self.topology, exchange, target, priority)?;
            let body = notifications::encode(notification, &options)?;
            self.sender.notify(route, body, options).await
        })
    }

    fn listen<'a>(
        &'a self,
        target: &'a Target,
        options: ListenOptions,
        sink: Arc<dyn RequestSink>,
    ) -> BoxFuture<'a, Result<Box<dyn Listener>, ListenError>> {
        Box::pin(async move {
            let (topic, server) = target.check_listen()?;
            let receiver = RequestReceiver {
                sink,
                answers: Arc::clone(&self.answers),
                counters: Arc::clone(&self.ground.counters),
                limits: self.ground.limits,
                log: Arc::clone(&self.undecodable),
            };
            let exchange = exchange_name(&self.settings.control_exchange, target);
            let fanout = FanoutQueue::draw(&self.settings, &self.topology, topic).await?;
            let prefetch = self.settings.listener_prefetch(options.prefetch);
            let bindings = self.topology.server(exchange, topic, server, &fanout.name);
            let arguments = self.topology.consume_arguments();
            self.start_listener(receiver.intent(bindings.into(), arguments, fanout, prefetch))
                .await
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
            let receiver = notifications::NotificationReceiver {
                sink,
                counters: Arc::clone(&self.ground.counters),
                limits: self.ground.limits,
                log: Arc::clone(&self.undecodable),
            };
            let bindings = notifications::bindings(
                &self.topology,
                &self.settings.control_exchange,
                targets_and_priorities,
                pool,
                &options,
            )?;
            let arguments = self.topology.consume_arguments();
            let prefetch = self.settings.listener_prefetch(options.prefetch);
            self.start_listener(receiver.intent(bindings, arguments, prefetch))
                .await
        })
    }

    fn close(&self, deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.sender.waiters.close();
            // Consumers say goodbye first: they delete the reply queue and fanout queues.
            self.ground.closing.cancel();
            self.ground.tasks.close();
            // Whoever does not answer in time is left: the broker forgets us when the connections end.
            let _ = timeout_at(deadline, self.ground.tasks.wait()).await;
            let connections = async {
                tokio::join!(
                    self.publish_connection.close(),
                    self.ground.supervisor.close(),
                    self.sender.publisher.close()
                )
            };
            let _ = timeout_at(deadline, connections).await;
        })
    }
}

impl Drop for RabbitDriver {
    fn drop(&mut self) {
        self.ground.closing.cancel();
    }
}
