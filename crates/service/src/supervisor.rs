//! Keeping workers alive.

mod ask;
mod child;
mod reload;

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::{sleep_until, timeout};

use crate::LaunchError;
use crate::launcher::control::{Control, exit_at_once};
use crate::launcher::handle::Command;
use crate::launcher::reload::Passes;
use crate::launcher::status::Phase;
use crate::launcher::{DrainClock, Tick};
use crate::respawn::StartRecord;
use crate::signals::{Signal, is_daemon};
use crate::worker::Identity;
use crate::worker::channel::Request;
use child::{Child, End, Event, Spawner};

/// A process that runs no service and keeps the workers alive. It lives on the launcher's own thread.
#[derive(Debug)]
pub(crate) struct Supervisor {
    control: Control,
    spawner: Spawner,
    events: mpsc::UnboundedReceiver<Event>,
    /// Of each service.
    records: Vec<StartRecord>,
    /// Each worker that there is to be, in the order of the status board.
    slots: Vec<Slot>,
    /// Whether every worker has started once.
    ready: bool,
    clock: DrainClock,
    passes: Passes,
    /// Whether a worker ended badly during the stop.
    failed: bool,
}

/// The place of a worker.
#[derive(Debug)]
struct Slot {
    identity: Identity,
    /// The place of its service's record.
    record: usize,
    child: Option<Child>,
    /// When the next child is to start.
    start_at: Option<Instant>,
    /// Whether the service in the child has started.
    started: bool,
    /// Whether a reload waits for the child to be replaced by one that has started.
    renewing: bool,
    /// The last child that a reload has told to end. That it has started may become known after that.
    retired: Option<u32>,
}

impl Supervisor {
    /// For services by their names and numbers of workers.
    pub(crate) fn new(
        control: Control,
        services: Vec<(String, usize)>,
    ) -> Result<Self, LaunchError> {
        let (sender, events) = mpsc::unbounded_channel();
        let pause = control.settings().respawn_pause;
        let mut records = Vec::new();
        let mut slots = Vec::new();
        for (record, (service, workers)) in services.into_iter().enumerate() {
            records.push(StartRecord::new(workers, pause));
            slots.extend((0..workers).map(|index| Slot {
                identity: Identity {
                    service: service.clone(),
                    index,
                },
                record,
                child: None,
                start_at: None,
                started: false,
                renewing: false,
                retired: None,
            }));
        }
        Ok(Self {
            control,
            spawner: Spawner::new(sender)?,
            events,
            records,
            slots,
            ready: false,
            clock: DrainClock::default(),
            passes: Passes::default(),
            failed: false,
        })
    }

    /// Supervises until the last worker has ended; gives the status to exit with.
    pub(crate) async fn run(mut self) -> u8 {
        let mut companions = self.control.start_companions();
        let mut beginning = true;
        while !self.has_ended() {
            tokio::select! {
                biased;
                signal = self.control.signals.next() => self.handle(signal).await,
                () = self.control.ending.begun(), if !self.clock.is_running() => self.drain(),
                tick = self.clock.next() => self.tick(tick).await,
                Some(event) = self.events.recv() => self.note(event),
                _ = &mut companions, if beginning => {
                    beginning = false;
                    self.start_all();
                }
                () = due(&self.slots) => self.start_due(),
                Some(command) = self.control.commands.recv() => self.obey(command),
            }
        }
        self.control.board.set(Phase::Ended);
        u8::from(self.failed || self.control.ending.has_failed())
    }

    fn has_ended(&self) -> bool {
        self.clock.is_running() && self.slots.iter().all(|slot| slot.child.is_none())
    }

    async fn handle(&mut self, signal: Signal) {
        match signal {
            Signal::Terminate if self.control.ending.has_begun() => {}
            Signal::Terminate => {
                tracing::info!("Caught SIGTERM, stopping children");
                self.control.ending.begin();
            }
            Signal::Interrupt => {
                tracing::info!("Caught SIGINT signal, instantaneous exiting");
                self.exit().await;
            }
            Signal::HangUp if is_daemon() => {
                tracing::info!("Caught SIGHUP, handling");
                self.request_pass(None);
            }
            Signal::HangUp => {
                tracing::info!("Caught SIGHUP, stopping children");
                self.control.ending.begin();
            }
            Signal::Report => self.control.report(),
        }
    }

    fn start_all(&mut self) {
        if self.control.ending.has_begun() {
            return;
        }
        for workers in self.slots.chunk_by(|one, other| one.record == other.record) {
            tracing::info!("Starting {} workers", workers.len());
        }
        self.control.log_options();
        for place in 0..self.slots.len() {
            self.plan_start(place);
        }
    }

    /// Decides when the worker in this place starts.
    fn plan_start(&mut self, place: usize) {
        let Some(slot) = self.slots.get_mut(place) else {
            return;
        };
        let Some(record) = self.records.get_mut(slot.record) else {
            return;
        };
        let now = Instant::now();
        let start = record.next_start(now);
        if start > now {
            tracing::info!("Forking too fast, sleeping");
        }
        slot.start_at = Some(start);
        self.control.board.gone(place, Phase::Starting);
    }

    fn start_due(&mut self) {
        let now = Instant::now();
        for place in 0..self.slots.len() {
            let Some(slot) = self.slots.get_mut(place) else {
                continue;
            };
            if slot.start_at.is_none_or(|start| start > now) {
                continue;
            }
            slot.start_at = None;
            slot.started = false;
            match self.spawner.spawn(place, &slot.identity) {
                Ok(child) => {
                    tracing::debug!("Started child {}", child.pid());
                    self.control.board.started(place, child.pid());
                    slot.child = Some(child);
                }
                Err(error) => {
                    tracing::error!(%error, "a worker of {:?} could not be started", slot.identity.service);
                    self.plan_start(place);
                }
            }
        }
    }

    fn note(&mut self, event: Event) {
        match event {
            Event::Started { place, pid } => {
                if let Some(slot) = self.slots.get_mut(place) {
                    if slot.retired == Some(pid) {
                        return;
                    }
                    slot.started = true;
                    slot.renewing = false;
                }
                self.control.board.set_service(place, Phase::Running);
                self.note_ready();
                self.note_renewed();
            }
            Event::Ended { place, end } => self.ended(place, end),
            Event::Reread(Ok(())) => self.apply(),
            Event::Reread(failed) => self.finish_pass(&failed, Vec::new()),
            Event::Applied(answers) => self.finish_pass(&Ok(()), answers),
        }
    }

    fn note_ready(&mut self) {
        if self.ready || !self.slots.iter().all(|slot| slot.started) {
            return;
        }
        self.ready = true;
        tracing::debug!("All workers are running");
        if !self.clock.is_running() {
            self.control.board.set(Phase::Running);
            self.control.ready();
        }
    }

    fn ended(&mut self, place: usize, end: End) {
        tracing::info!("{end}");
        if let Some(slot) = self.slots.get_mut(place) {
            slot.child = None;
            slot.started = false;
        }
        if self.clock.is_running() {
            self.failed |= !end.is_good();
            self.control.board.gone(place, Phase::Ended);
        } else {
            self.plan_start(place);
        }
    }

    fn drain(&mut self) {
        self.control.board.set(Phase::Draining);
        self.control.systemd.stopping();
        self.clock
            .start(self.control.settings().graceful_shutdown_timeout);
        for (place, slot) in self.slots.iter_mut().enumerate() {
            slot.start_at = None;
            let phase = match &slot.child {
                Some(child) => {
                    child.terminate();
                    Phase::Draining
                }
                None => Phase::Ended,
            };
            self.control.board.set_service(place, phase);
        }
        self.log_waiting();
    }

    async fn tick(&mut self, tick: Tick) {
        match tick {
            Tick::Progress(_) => self.log_waiting(),
            Tick::Over => {
                tracing::error!("Graceful shutdown timeout exceeded, instantaneous exiting");
                self.exit().await;
            }
        }
    }

    fn log_waiting(&self) {
        let waiting: Vec<_> = self.children().map(Child::pid).collect();
        if !waiting.is_empty() {
            tracing::info!(pids = ?waiting, "Waiting on {} children to exit", waiting.len());
        }
    }

    /// Ends the process with status 1, and the workers before it.
    async fn exit(&mut self) {
        self.children().for_each(Child::interrupt);
        if timeout(LAST_WORDS, self.all_gone()).await.is_err() {
            self.children().for_each(Child::kill);
            let _ = timeout(LAST_WORDS, self.all_gone()).await;
        }
        exit_at_once();
    }

    async fn all_gone(&mut self) {
        while self.children().next().is_some() {
            let Some(event) = self.events.recv().await else {
                return;
            };
            if let Event::Ended { place, .. } = event
                && let Some(slot) = self.slots.get_mut(place)
            {
                slot.child = None;
            }
        }
    }

    fn children(&self) -> impl Iterator<Item = &Child> {
        self.slots.iter().filter_map(|slot| slot.child.as_ref())
    }

    fn obey(&mut self, command: Command) {
        let Command {
            request,
            patience,
            reply,
        } = command;
        if request == Request::Reload {
            return self.request_pass(Some(reply));
        }
        let answers = self.ask_children(&request, patience);
        tokio::spawn(async move {
            let _ = reply.send(answers.await);
        });
    }
}

/// How long workers have, when the process ends at once, before they are killed.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// When the next child is to start.
async fn due(slots: &[Slot]) {
    match slots.iter().filter_map(|slot| slot.start_at).min() {
        Some(start) => sleep_until(start.into()).await,
        None => std::future::pending().await,
    }
}
