//! A process that runs services itself: in process, or as a worker.

use std::sync::Arc;

use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::control::{Control, exit_at_once};
use super::drain::{DrainClock, Tick};
use super::handle::{Command, Reply, Role, WorkerAnswer};
use super::life::{Life, Order};
use super::reload::{self, ENDED, Outcome, Passes, RestartMethod, reread};
use super::spec::{ServiceContext, ServiceSpec};
use super::status::Phase;
use crate::signals::{Signal, is_daemon};
use crate::worker::channel::Request;
use crate::worker::link::Link;

/// Runs services in this process. It lives on the launcher's own thread and lets the services run on theirs.
#[derive(Debug)]
pub(crate) struct Host {
    control: Control,
    /// The services' runtime.
    runtime: Handle,
    /// Of a worker: to its supervisor.
    link: Option<Link>,
    orders: mpsc::Sender<Order>,
    ready: bool,
    clock: DrainClock,
    passes: Passes,
    pass: Option<JoinHandle<Outcome>>,
}

/// The services in their runtime.
struct Started {
    life: JoinHandle<()>,
    ready: oneshot::Receiver<()>,
}

impl Host {
    /// Runs the services until they have ended; gives the status to exit with.
    pub(crate) async fn run(
        control: Control,
        runtime: Handle,
        link: Option<Link>,
        services: Vec<ServiceSpec>,
    ) -> u8 {
        let (orders, receiver) = mpsc::channel(1);
        let host = Self {
            control,
            runtime,
            link,
            orders,
            ready: false,
            clock: DrainClock::default(),
            passes: Passes::default(),
            pass: None,
        };
        let started = host.start(services, receiver);
        host.control_until_the_end(started).await
    }

    fn start(&self, services: Vec<ServiceSpec>, orders: mpsc::Receiver<Order>) -> Started {
        let control = &self.control;
        let services = services.into_iter().map(|spec| {
            let context = ServiceContext {
                service: spec.name.clone(),
                index: self.index(),
                workers: spec.workers,
                configuration: control.configuration.clone(),
                launcher: control.handle.clone(),
            };
            (spec, context)
        });
        let (started, ready) = oneshot::channel();
        let life = Life {
            services: services.collect(),
            board: Arc::clone(&control.board),
            ending: control.ending.clone(),
            orders,
            started,
        };
        let companions = control.start_companions();
        let life = self.runtime.spawn(async move {
            let _ = companions.await;
            life.run().await;
        });
        Started { life, ready }
    }

    async fn control_until_the_end(mut self, started: Started) -> u8 {
        let Started {
            mut life,
            mut ready,
        } = started;
        let mut starting = true;
        let result = loop {
            tokio::select! {
                biased;
                signal = self.control.signals.next() => self.handle(signal),
                () = orphaned(self.link.as_ref()), if !self.control.ending.has_begun() => self.orphaned(),
                () = self.control.ending.begun(), if !self.clock.is_running() => self.drain(),
                tick = self.clock.next() => self.tick(tick),
                started = &mut ready, if starting => {
                    starting = false;
                    if started.is_ok() {
                        self.ready();
                    }
                }
                Some(command) = self.control.commands.recv() => self.obey(command),
                outcome = done(&mut self.pass) => self.finish_pass(&outcome),
                result = &mut life => break result,
            }
        };
        self.control.board.set(Phase::Ended);
        if result.is_err() {
            // The panic itself is in the log already.
            tracing::error!("a service has panicked, exiting");
        }
        u8::from(result.is_err() || self.control.ending.has_failed())
    }

    fn handle(&mut self, signal: Signal) {
        match signal {
            Signal::Terminate if self.control.ending.has_begun() => {}
            Signal::Terminate => {
                tracing::info!("Caught SIGTERM, exiting");
                self.control.ending.begin();
            }
            Signal::Interrupt => {
                tracing::info!("Caught SIGINT signal, instantaneous exiting");
                exit_at_once();
            }
            Signal::HangUp => self.hang_up(),
            Signal::Report => self.control.report(),
        }
    }

    fn hang_up(&mut self) {
        if is_daemon() {
            tracing::info!("Caught SIGHUP, handling");
            self.reload(None);
        } else {
            tracing::info!("Caught SIGHUP, exiting");
            self.control.ending.begin();
        }
    }

    fn orphaned(&self) {
        tracing::error!("Parent process has died unexpectedly, exiting");
        if !self.ready {
            exit_at_once();
        }
        self.control.ending.begin();
    }

    fn ready(&mut self) {
        self.ready = true;
        self.control.board.set(Phase::Running);
        if let Some(link) = &self.link {
            link.started();
        } else {
            self.control.ready();
            self.control.log_options();
        }
    }

    fn drain(&mut self) {
        self.control.board.set(Phase::Draining);
        self.control.systemd.stopping();
        self.clock
            .start(self.control.settings().graceful_shutdown_timeout);
    }

    fn tick(&self, tick: Tick) {
        match tick {
            Tick::Progress(duration) => {
                let status = self.control.handle.status();
                let waiting = status
                    .services
                    .iter()
                    .filter(|service| service.phase != Phase::Ended);
                for service in waiting {
                    tracing::info!(
                        service = service.service,
                        "Waiting for the service to end, for {} s",
                        duration.as_secs()
                    );
                }
            }
            Tick::Over => {
                tracing::error!("Graceful shutdown timeout exceeded, instantaneous exiting");
                exit_at_once();
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command.request {
            Request::Ping => {
                // Whether the services' threads have time for anything at all.
                let probe = self.runtime.spawn(async {});
                let own = self.own_answer(Value::Null);
                tokio::spawn(async move {
                    let _ = probe.await;
                    let _ = command.reply.send(vec![own]);
                });
            }
            Request::Reload => self.reload(Some(command.reply)),
            Request::Question(question) => {
                let answer = self.control.answer(question);
                let mut own = self.own_answer(Value::Null);
                tokio::spawn(async move {
                    own.answer = match command.patience {
                        Some(patience) => tokio::time::timeout(patience, answer)
                            .await
                            .ok()
                            .and_then(Result::ok),
                        None => answer.await.ok(),
                    };
                    let _ = command.reply.send(vec![own]);
                });
            }
        }
    }

    fn reload(&mut self, reply: Option<Reply>) {
        if self.link.is_some() && self.control.restart == RestartMethod::Reload {
            // The supervisor replaces it.
            self.control.ending.begin();
        } else if self.passes.request(reply) {
            self.begin_pass();
        }
    }

    fn begin_pass(&mut self) {
        if self.ready && !self.clock.is_running() {
            self.control.board.set(Phase::Reloading);
            self.control.systemd.reloading();
        }
        let read = reread(self.control.configuration.clone(), self.control.restart);
        let orders = self.orders.clone();
        let order = match self.control.restart {
            RestartMethod::Reload => Order::Renew,
            RestartMethod::Mutate => Order::Reset,
        };
        self.pass = Some(tokio::spawn(async move {
            read.await?;
            let (done, wait) = oneshot::channel();
            // Lost if the services end.
            let _ = orders.send(order(done)).await;
            wait.await.map_err(|_| ENDED.to_owned())
        }));
    }

    fn finish_pass(&mut self, outcome: &Outcome) {
        if self.ready && !self.clock.is_running() {
            self.control.board.set(Phase::Running);
            self.control.systemd.ready();
        }
        let answer = reload::answer(self.control.handle.role(), outcome);
        if self.passes.finish(&[answer]) {
            self.begin_pass();
        }
    }

    fn own_answer(&self, answer: Value) -> WorkerAnswer {
        WorkerAnswer::own(self.control.handle.role(), Some(answer))
    }

    fn index(&self) -> usize {
        match self.control.handle.role() {
            Role::Worker { index, .. } => *index,
            _ => 0,
        }
    }
}

/// When the supervisor is gone; never without one.
async fn orphaned(link: Option<&Link>) {
    match link {
        Some(link) => link.orphaned().await,
        None => std::future::pending().await,
    }
}

/// When the pass, if one is at work, is over: how it went.
async fn done(pass: &mut Option<JoinHandle<Outcome>>) -> Outcome {
    match pass {
        Some(task) => {
            let outcome = task.await;
            *pass = None;
            outcome.unwrap_or_else(|_| Err(ENDED.to_owned()))
        }
        None => std::future::pending().await,
    }
}
