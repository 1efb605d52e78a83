//! The broker's thread: accepting, the clock, questions from outside, the end.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bergen_amqp::codec::reply_code;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep_until, timeout};

use super::control::Question;
use super::listen::{Doorstep, Listener};
use super::state::State;
use super::task::{Scratch, Shared, scratch, serve};

/// How long clients have to answer the good-bye.
const PARTING: Duration = Duration::from_secs(2);

/// Runs until `stop` is called or dropped.
pub(crate) async fn run(
    state: State,
    listeners: Vec<Listener>,
    questions: mpsc::UnboundedReceiver<Question>,
    stop: oneshot::Receiver<()>,
) {
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
    let answers = tokio::task::spawn_local(answer(Rc::clone(&shared), questions));
    // Dropping the handle means the same as calling it.
    let _ = stop.await;
    for task in tasks.drain(..) {
        task.abort();
        // Its listener closes with it.
        let _ = task.await;
    }
    part(&shared).await;
    clock.abort();
    answers.abort();
    let _ = (clock.await, answers.await);
    let log = shared.borrow_mut().durable.close();
    drop(log);
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
        let mut state = shared.borrow_mut();
        question(&mut state);
        state.carry_on(Instant::now());
        drop(state);
        // Whoever asks in a loop leaves time to others.
        tokio::task::yield_now().await;
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
            session.blocked = false;
            session.connection.close(code, text, now);
            session.wake();
        }
        self.events(key, now);
        self.leave(key, now);
    }
}
