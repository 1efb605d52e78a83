//! A client's task: its socket, and its turns.
//!
//! A turn is: read what is there, do it, write once. What others do for this client meanwhile lands in its output and
//! wakes the task, once, however much it is.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep_until, timeout};
use tokio_util::io::poll_write_buf;

use super::listen::{Incoming, Place, Stream};
use super::session::Stopped;
use super::state::State;

/// The broker, as its tasks share it.
pub(super) type Shared = Rc<RefCell<State>>;

/// Bytes that are read at once.
const READ_SIZE: usize = 64 * 1024;
/// Reads of one client before others have their turn.
const READS: usize = 4;
/// Room that the rest of a frame may keep when it is there.
const KEEP_CAPACITY: usize = 4 * 1024;
/// How long a client that was said good-bye to may take to read it.
const FAREWELL: Duration = Duration::from_secs(3);

/// Serves a client until it goes.
pub(super) async fn serve(shared: Shared, scratch: Scratch, incoming: Incoming, mut place: Place) {
    let limit = shared.borrow().settings.limits.handshake_timeout;
    let (stream, peer) = tokio::select! {
        opened = timeout(limit, incoming.open()) => match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => return tracing::debug!(%error, "no TLS"),
            Err(_) => return tracing::debug!("a client did not finish the handshake of TLS in time"),
        },
        () = place.expelled() => return,
    };
    let now = Instant::now();
    let key = shared.borrow_mut().enter(peer, now);
    let mut task = Task {
        shared: Rc::clone(&shared),
        scratch,
        key,
        stream,
        input: BytesMut::new(),
        timer: Box::pin(sleep_until((now + limit).into())),
        armed: Some(now + limit),
        eof: false,
        farewell: None,
    };
    let known = Guard { shared, key };
    tokio::select! {
        biased;
        () = task.until_known() => drop(place),
        () = place.expelled() => return,
    }
    poll_fn(|context| task.poll(context)).await;
    drop(known);
}

/// What all tasks read into.
pub(super) type Scratch = Rc<RefCell<Box<[u8]>>>;

/// A new one.
pub(super) fn scratch() -> Scratch {
    Rc::new(RefCell::new(vec![0; READ_SIZE].into_boxed_slice()))
}

/// Takes the client out of the state when its task ends, however it ends.
struct Guard {
    shared: Shared,
    key: usize,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.shared.borrow_mut().exit(self.key, Instant::now());
    }
}

struct Task {
    shared: Shared,
    scratch: Scratch,
    key: usize,
    stream: Box<dyn Stream>,
    input: BytesMut,
    timer: Pin<Box<Sleep>>,
    /// When the timer rings; `None` when it has.
    armed: Option<Instant>,
    /// The client sends nothing more.
    eof: bool,
    /// When the connection is over, and the rest of the output not written: until when to wait.
    farewell: Option<Instant>,
}

impl Task {
    /// Goes on until the client has logged in, or is gone.
    async fn until_known(&mut self) {
        poll_fn(|context| {
            if self.poll(context).is_ready() || self.is_known() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    fn is_known(&self) -> bool {
        let state = self.shared.borrow();
        let session = state.sessions.get(self.key);
        session.is_none_or(|session| session.user.is_some() || session.connection.is_closed())
    }

    /// One turn. Ready when the client is gone.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let shared = Rc::clone(&self.shared);
        let mut state = shared.borrow_mut();
        let state = &mut *state;
        if let Some(session) = state.sessions.get_mut(self.key) {
            session.waker = None;
        }
        for _ in 0..READS {
            let read = self.read(state, context);
            if self.rings(context) {
                state.timeout(self.key, Instant::now());
            }
            let written = self.write(state, context);
            if self.is_over(state, context) {
                return Poll::Ready(());
            }
            if !read && !written {
                self.arm(state, context);
                if let Some(session) = state.sessions.get_mut(self.key) {
                    session.waker = Some(context.waker().clone());
                }
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads what is there, and does it; false when there is nothing.
    fn read(&mut self, state: &mut State, context: &mut Context<'_>) -> bool {
        let Some(session) = state.sessions.get_mut(self.key) else {
            return false;
        };
        if self.eof || session.stopped != Stopped::No || session.connection.is_closed() {
            return false;
        }
        let mut scratch = self.scratch.borrow_mut();
        let mut buffer = ReadBuf::new(&mut scratch);
        match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
            Poll::Pending => return false,
            Poll::Ready(Ok(())) if buffer.filled().is_empty() => {
                self.eof = true;
                session.connection.handle_eof();
            }
            Poll::Ready(Ok(())) => self.input.extend_from_slice(buffer.filled()),
            Poll::Ready(Err(error)) => {
                self.eof = true;
                session.connection.handle_io_error(&error);
            }
        }
        state.input(self.key, &mut self.input, Instant::now());
        if self.input.is_empty() && self.input.capacity() > KEEP_CAPACITY {
            self.input = BytesMut::new();
        }
        true
    }

    /// Writes what waits; whether that made room for more.
    fn write(&mut self, state: &mut State, context: &mut Context<'_>) -> bool {
        let now = Instant::now();
        let mut some = false;
        while let Some(session) = state.sessions.get_mut(self.key) {
            session.flush_confirms();
            if !session.connection.has_output() {
                break;
            }
            let output = session.connection.output(now);
            if !output.has_remaining() {
                break;
            }
            match poll_write_buf(Pin::new(&mut self.stream), context, output) {
                Poll::Ready(Ok(0)) => {
                    let error = io::Error::from(io::ErrorKind::WriteZero);
                    session.connection.handle_io_error(&error);
                    state.events(self.key, now);
                    break;
                }
                Poll::Ready(Ok(_)) => some = true,
                Poll::Ready(Err(error)) => {
                    session.connection.handle_io_error(&error);
                    state.events(self.key, now);
                    break;
                }
                Poll::Pending => break,
            }
        }
        // TLS keeps some back otherwise.
        if some && let Poll::Ready(Err(error)) = Pin::new(&mut self.stream).poll_flush(context) {
            if let Some(session) = state.sessions.get_mut(self.key) {
                session.connection.handle_io_error(&error);
            }
            state.events(self.key, now);
        }
        let stalled = state
            .sessions
            .get(self.key)
            .is_some_and(|session| session.stalled);
        if some && stalled {
            state.drained(self.key, now);
            return true;
        }
        false
    }

    /// Whether there is nothing left to do but to close the socket.
    fn is_over(&mut self, state: &mut State, context: &mut Context<'_>) -> bool {
        let Some(session) = state.sessions.get_mut(self.key) else {
            return true;
        };
        if !session.connection.is_closed() {
            return false;
        }
        let now = Instant::now();
        let until = *self.farewell.get_or_insert(now + FAREWELL);
        if session.connection.has_output() && now < until {
            return false;
        }
        // The end of the stream tells the client that nothing was cut off.
        let _ = Pin::new(&mut self.stream).poll_shutdown(context);
        true
    }

    /// Sets the timer, if it would ring too late.
    fn arm(&mut self, state: &State, context: &mut Context<'_>) {
        let Some(session) = state.sessions.get(self.key) else {
            return;
        };
        let login = session.login.as_ref().map(|(at, _)| *at);
        let timeouts = [session.connection.poll_timeout(), login, self.farewell];
        let Some(next) = timeouts.into_iter().flatten().min() else {
            return;
        };
        if self.armed.is_none_or(|armed| next < armed) {
            self.armed = Some(next);
            self.timer.as_mut().reset(next.into());
            if self.timer.as_mut().poll(context).is_ready() {
                context.waker().wake_by_ref();
            }
        }
    }

    /// Whether the timer rings, which it does once for each time that it was set.
    fn rings(&mut self, context: &mut Context<'_>) -> bool {
        let rings = self.armed.is_some() && self.timer.as_mut().poll(context).is_ready();
        if rings {
            self.armed = None;
        }
        rings
    }
}
