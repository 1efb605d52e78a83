//! Letting workers have a changed configuration.

use std::time::Instant;

use super::Supervisor;
use super::child::Event;
use crate::launcher::RestartMethod;
use crate::launcher::handle::{Reply, WorkerAnswer};
use crate::launcher::reload::{self, ENDED, Outcome, reread};
use crate::launcher::status::Phase;
use crate::respawn::StartRecord;
use crate::worker::channel::Request;

impl Supervisor {
    pub(super) fn request_pass(&mut self, reply: Option<Reply>) {
        if self.passes.request(reply) {
            self.begin_pass();
        }
    }

    fn begin_pass(&mut self) {
        if self.ready && !self.clock.is_running() {
            self.control.board.set(Phase::Reloading);
            self.control.systemd.reloading();
        }
        let read = reread(self.control.configuration.clone(), self.control.restart);
        let events = self.spawner.events();
        tokio::spawn(async move {
            let _ = events.send(Event::Reread(read.await));
        });
    }

    /// The configuration is read; lets the workers have it.
    pub(super) fn apply(&mut self) {
        if self.clock.is_running() {
            return self.finish_pass(&Err(ENDED.to_owned()), Vec::new());
        }
        match self.control.restart {
            RestartMethod::Reload => self.renew(),
            RestartMethod::Mutate => {
                let answers = self.ask_children(&Request::Reload, None);
                let events = self.spawner.events();
                tokio::spawn(async move {
                    let _ = events.send(Event::Applied(answers.await));
                });
            }
        }
    }

    /// Replaces all workers, each when it has finished what it runs.
    fn renew(&mut self) {
        self.records.iter_mut().for_each(StartRecord::clear);
        let now = Instant::now();
        for (place, slot) in self.slots.iter_mut().enumerate() {
            slot.renewing = true;
            match &slot.child {
                Some(child) => {
                    slot.retired = Some(child.pid());
                    child.terminate();
                    self.control.board.set_service(place, Phase::Draining);
                }
                None => slot.start_at = Some(now),
            }
        }
    }

    pub(super) fn note_renewed(&mut self) {
        let renews = self.control.restart == RestartMethod::Reload && self.passes.is_running();
        if renews && !self.slots.iter().any(|slot| slot.renewing) {
            self.finish_pass(&Ok(()), Vec::new());
        }
    }

    /// The pass is over, for the supervisor itself with `outcome`.
    pub(super) fn finish_pass(&mut self, outcome: &Outcome, workers: Vec<WorkerAnswer>) {
        if self.ready && !self.clock.is_running() {
            self.control.board.set(Phase::Running);
            self.control.systemd.ready();
        }
        let mut answers = vec![reload::answer(self.control.handle.role(), outcome)];
        answers.extend(workers);
        if self.passes.finish(&answers) {
            self.begin_pass();
        }
    }
}
