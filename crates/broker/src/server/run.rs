//! The broker's thread: accepting, the clock, questions from outside, the end.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bergen_amqp::codec::reply_code;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep_until, timeout};

use super::control::Question;
use super::durable::Awaiting;
use super::listen::{Doorstep, Listener};
use super::session::Stopped;
use super::state::State;
use super::task::{Scratch, Shared, scratch, serve};
use crate::store::StoreEvent;

/// How long clients have to answer the good-bye.
const PARTING: Duration = Duration::from_secs(2);

/// What reaches the broker's thread from outside.
#[derive(Debug)]
pub(crate) struct Inbox {
    /// Questions of management and of the program.
    pub(crate) questions: mpsc::UnboundedReceiver<Question>,
    /// What became of what was to be kept.
    pub(crate) disk: Option<mpsc::UnboundedReceiver<StoreEvent>>,
    /// When to end.
    pub(crate) stop: oneshot::Receiver<()>,
}

/// Runs until it is told to stop, or nobody is left who could.
pub(crate) async fn run(state: State, listeners: Vec<Listener>, inbox: Inbox) {
    let doorstep = Doorstep::new(state.settings.limits.connections_before_login);
    let shared: Shared = Rc::new(RefCell::new(state));
    let scratch = scratch();
    let mut tasks: Vec<_> = listeners
        .into_iter()
        .map(|listener| {
            let accept = accept(
                listener,
                Rc::clone(&shared),
                Rc::clone(&scratch),
                doorstep.clone(),
            );
            tokio::task::spawn_local(accept)
        })
        .collect();
    let clock = tokio::task::spawn_local(clock(Rc::clone(&shared)));
    let answers = tokio::task::spawn_local(answer(Rc::clone(&shared), inbox.questions));
    let disk = inbox
        .disk
        .map(|events| tokio::task::spawn_local(follow_disk(Rc::clone(&shared), events)));
    // Dropping the handle means the same as calling it.
    let _ = inbox.stop.await;
    for task in tasks.drain(..) {
        task.abort();
        // Its listener closes with it.
        let _ = task.await;
    }
    part(&shared).await;
    clock.abort();
    answers.abort();
    let _ = (clock.await, answers.await);
    if let Some(disk) = disk {
        disk.abort();
        let _ = disk.await;
    }
    let store = shared.borrow_mut().durable.close();
    if let Some(store) = store
        && let Err(error) = store.close()
    {
        tracing::error!("{error}");
    }
}

async fn accept(listener: Listener, shared: Shared, scratch: Scratch, doorstep: Doorstep) {
    loop {
        let incoming = listener.accept().await;
        let full = {
            let state = shared.borrow();
            state.sessions.len() >= state.settings.limits.connections
        };
        if full {
            tracing::warn!(
                peer = %incoming.peer(),
                "a client is hung up on: there are as many connections as may be"
            );
            continue;
        }
        let place = doorstep.enter();
        let serve = serve(Rc::clone(&shared), Rc::clone(&scratch), incoming, place);
        tokio::task::spawn_local(serve);
    }
}

async fn clock(shared: Shared) {
    let bell = Rc::clone(&shared.borrow().clock);
    loop {
        let armed = shared.borrow().armed;
        match armed {
            Some(next) => tokio::select! {
                () = sleep_until(next.into()) => shared.borrow_mut().tick(Instant::now()),
                () = bell.notified() => {}
            },
            None => bell.notified().await,
        }
    }
}

async fn answer(shared: Shared, mut questions: mpsc::UnboundedReceiver<Question>) {
    while let Some(question) = questions.recv().await {
        {
            let mut state = shared.borrow_mut();
            question(&mut state);
            state.carry_on(Instant::now());
        }
        // Whoever asks in a loop leaves time to others.
        tokio::task::yield_now().await;
    }
}

async fn follow_disk(shared: Shared, mut events: mpsc::UnboundedReceiver<StoreEvent>) {
    while let Some(event) = events.recv().await {
        let mut state = shared.borrow_mut();
        match event {
            StoreEvent::Committed(ticket) => {
                let publishes = state.durable.settled(ticket);
                state.confirm_all(publishes, true);
            }
            StoreEvent::Failed {
                first,
                last,
                reason,
            } => {
                tracing::debug!("messages cannot be kept: {reason}");
                let publishes = state.durable.failed(first, last);
                state.confirm_all(publishes, false);
            }
            StoreEvent::Blocked { reason } => {
                tracing::warn!("publishers are stopped: {reason}");
                state.set_disk_alarm(true);
            }
            StoreEvent::Unblocked => {
                tracing::info!("the disk takes writes again: publishers may go on");
                state.set_disk_alarm(false);
            }
        }
        state.end_turn(None, Instant::now());
    }
}

/// Says good-bye to all clients, and waits a little for their answers.
async fn part(shared: &Shared) {
    let left = Rc::clone(&shared.borrow().departures);
    shared.borrow_mut().close_all();
    let all_gone = async {
        loop {
            let departure = left.notified();
            if shared.borrow().sessions.is_empty() {
                return;
            }
            departure.await;
        }
    };
    if timeout(PARTING, all_gone).await.is_err() {
        tracing::debug!("some clients did not answer the good-bye");
    }
}

impl State {
    /// Publishes have reached the disk, or never will.
    fn confirm_all(&mut self, publishes: Vec<Awaiting>, taken: bool) {
        for publish in publishes {
            let Some(session) = self.sessions.get_mut(publish.session) else {
                continue;
            };
            if session.number != publish.number {
                continue;
            }
            let Some(channel) = session.channel_mut(publish.channel) else {
                continue;
            };
            if let Some(confirms) = &mut channel.confirms {
                confirms.settle(publish.tag, taken);
            }
            session.confirm_later(publish.channel.number());
            session.wake();
        }
    }

    /// Carries on what was done from outside.
    pub(super) fn carry_on(&mut self, now: Instant) {
        for at in 0..self.hosts.len() {
            self.effects(at, now);
        }
        self.end_turn(None, now);
    }

    fn close_all(&mut self) {
        let now = Instant::now();
        let text = "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'";
        let keys: Vec<usize> = self.sessions.iter().map(|(key, _)| key).collect();
        for key in keys {
            self.force_close(key, reply_code::CONNECTION_FORCED, text, now);
        }
    }

    /// Closes a client's connection, whatever it does.
    pub(super) fn force_close(&mut self, key: usize, code: u16, text: &str, now: Instant) {
        if let Some(session) = self.sessions.get_mut(key) {
            session.flush_confirms();
            session.stopped = Stopped::No;
            session.connection.close(code, text, now);
            session.wake();
        }
        self.events(key, now);
        self.leave(key, now);
    }
}
