//! The connection's task: it owns the socket and the protocol, and does everything in turns.
//!
//! A turn reads what is there (once, up to the buffer's size), feeds it to the protocol, hands out
//! deliveries, replies and confirms, takes the commands that wait, and writes all that came of it.
//! If somebody was woken or has sent something, whoever else can run gets to run once before the write,
//! so that what they send can join it: on a runtime with several threads that saves most writes.

mod commands;
mod events;
mod hub;
mod methods;
mod slot;

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep_until};

pub(super) use hub::Hub;

use super::command::Command;
use crate::protocol;

/// Room for one read, and with it what one turn reads at most.
const READ_SIZE: usize = 64 * 1024;

/// The least room for a read; with less, the buffer is moved on.
const READ_LEAST: usize = 8 * 1024;

/// An input buffer that grew beyond this for a large frame is given back.
const INPUT_KEEP: usize = 2 * READ_SIZE;

/// How many commands are taken in one turn.
const BATCH: usize = 256;

/// How many turns are made before other tasks of the runtime get theirs.
const TURNS: usize = 8;

/// How many pieces one vectored write takes.
const PIECES: usize = 64;

/// How long the last bytes, a `close-ok` or TLS's good-bye, may take to leave.
const FAREWELL: Duration = Duration::from_secs(1);

/// The connection's task. It is a future that ends when the connection has.
pub(super) struct Task<S> {
    stream: S,
    input: BytesMut,
    /// Bytes are in a layer below (TLS) that only a flush gets out.
    unflushed: bool,
    hub: Hub,
    commands: mpsc::UnboundedReceiver<Command>,
    /// Every handle is gone.
    deserted: bool,
    batch: Vec<Command>,
    /// Others have had their chance to join the coming write.
    yielded: bool,
    timer: Pin<Box<Sleep>>,
    /// When the connection is over: until when the last bytes may be written.
    farewell: Option<Instant>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Task<S> {
    pub(super) fn new(stream: S, hub: Hub, commands: mpsc::UnboundedReceiver<Command>) -> Self {
        Self {
            stream,
            input: BytesMut::with_capacity(READ_SIZE),
            unflushed: false,
            hub,
            commands,
            deserted: false,
            batch: Vec::new(),
            yielded: false,
            timer: Box::pin(sleep_until(Instant::now())),
            farewell: None,
        }
    }

    /// Runs the connection until it is open, or over.
    pub(super) async fn connect(&mut self) -> Result<hub::Connected, protocol::CloseReason> {
        poll_fn(|cx| {
            let done = self.poll_turns(cx);
            if let Some(connected) = self.hub.connected() {
                return Poll::Ready(Ok(connected));
            }
            if let Some(reason) = self.hub.over() {
                return Poll::Ready(Err(reason.clone()));
            }
            // Without a reason the protocol would have to be connected or at work.
            match done {
                Poll::Ready(()) => Poll::Ready(Err(protocol::CloseReason::Local)),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// What only the hub knows.
    pub(super) fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Bytes of memory that wait for input or output.
    #[cfg(test)]
    pub(super) fn buffered(&self) -> usize {
        self.input.capacity() + self.hub.pending_output()
    }

    fn poll_turns(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.hub.stats.wakeups += 1;
        let mut turns = 0;
        let turned = loop {
            match self.turn(cx) {
                Turn::Idle => break Poll::Pending,
                Turn::Over => break Poll::Ready(()),
                Turn::Yield => {
                    cx.waker().wake_by_ref();
                    break Poll::Pending;
                }
                Turn::Busy => {
                    turns += 1;
                    if turns == TURNS {
                        cx.waker().wake_by_ref();
                        break Poll::Pending;
                    }
                }
            }
        };
        self.hub.publish_stats();
        turned
    }

    fn turn(&mut self, cx: &mut Context<'_>) -> Turn {
        if self.farewell.is_some() {
            return self.part(cx);
        }
        let now = Instant::now();
        let mut busy = self.poll_read(cx, now);
        let took = self.poll_commands(cx, now);
        busy |= took;
        busy |= self.poll_timer(cx, now);
        if (self.hub.take_woke() || took) && !self.yielded {
            self.yielded = true;
            return Turn::Yield;
        }
        self.yielded = false;
        busy |= self.poll_write(cx, now);
        if self.hub.over().is_some() {
            self.farewell = Some(now + FAREWELL);
            self.timer.as_mut().reset(now + FAREWELL);
            self.hub.end();
            self.commands.close();
            while self.commands.try_recv().is_ok() {}
            return Turn::Busy;
        }
        if busy { Turn::Busy } else { Turn::Idle }
    }

    /// One read. It is never left out, whatever waits to be written: replies, confirms and
    /// heartbeats come this way.
    fn poll_read(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        // Bodies that were handed out share the buffer's memory; it is used to its end before a new
        // one is asked for.
        if self.input.capacity() - self.input.len() < READ_LEAST {
            self.input.reserve(READ_SIZE);
        }
        let read = {
            let read = std::pin::pin!(self.stream.read_buf(&mut self.input));
            read.poll(cx)
        };
        match read {
            Poll::Pending => return false,
            Poll::Ready(Ok(0)) => self.hub.handle_eof(),
            Poll::Ready(Ok(bytes)) => {
                self.hub.stats.reads += 1;
                self.hub.stats.bytes_in += bytes as u64;
                self.hub.handle_input(&mut self.input, now.into_std());
                if self.input.is_empty() && self.input.capacity() > INPUT_KEEP {
                    self.input = BytesMut::with_capacity(READ_SIZE);
                }
            }
            Poll::Ready(Err(error)) => self.fail(&error),
        }
        true
    }

    /// Takes commands unless too much waits for the socket already.
    fn poll_commands(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        if self.deserted {
            return false;
        }
        if !self.hub.takes_commands() {
            // Nobody is left to notice that the broker does not read.
            if self.commands.sender_strong_count() == 0 {
                self.deserted = true;
                self.hub.close(now.into_std());
            }
            return false;
        }
        let taken = match self.commands.poll_recv_many(cx, &mut self.batch, BATCH) {
            Poll::Pending => return false,
            Poll::Ready(0) => {
                self.deserted = true;
                self.hub.close(now.into_std());
                0
            }
            Poll::Ready(taken) => taken,
        };
        self.hub.taken(taken);
        for command in self.batch.drain(..) {
            self.hub.command(command, now.into_std());
        }
        self.hub.handle_events();
        true
    }

    /// The protocol's clock. The timer is set anew only if it would ring too late: traffic puts the
    /// heartbeat off all the time, and ringing once too early is cheaper than following it.
    fn poll_timer(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let Some(due) = self.hub.timeout().map(Instant::from_std) else {
            return false;
        };
        if due <= now {
            self.hub.handle_timeout(now.into_std());
            return true;
        }
        if self.timer.is_elapsed() || self.timer.deadline() > due {
            self.timer.as_mut().reset(due);
        }
        if self.timer.as_mut().poll(cx).is_ready() {
            // It rang for an earlier deadline, or just now.
            return true;
        }
        false
    }

    /// Writes what is ready, as much as the socket takes.
    fn poll_write(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let mut wrote = false;
        loop {
            let output = self.hub.output(now.into_std());
            if !output.has_remaining() {
                break;
            }
            let mut pieces = [IoSlice::new(&[]); PIECES];
            let count = output.chunks_vectored(&mut pieces);
            let pieces = pieces.get(..count).unwrap_or_default();
            match Pin::new(&mut self.stream).poll_write_vectored(cx, pieces) {
                Poll::Pending => {
                    let waiting = output.remaining();
                    self.hub.note_waiting(waiting);
                    return wrote;
                }
                Poll::Ready(Ok(0)) => {
                    self.fail(&io::ErrorKind::WriteZero.into());
                    return true;
                }
                Poll::Ready(Ok(bytes)) => {
                    output.advance(bytes);
                    self.hub.stats.writes += 1;
                    self.hub.stats.bytes_out += bytes as u64;
                    self.unflushed = true;
                    wrote = true;
                }
                Poll::Ready(Err(error)) => {
                    self.fail(&error);
                    return true;
                }
            }
        }
        self.hub.note_waiting(0);
        if self.unflushed {
            match Pin::new(&mut self.stream).poll_flush(cx) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(error)) => {
                    self.fail(&error);
                    return true;
                }
            }
        }
        wrote
    }

    fn fail(&mut self, error: &io::Error) {
        self.hub.handle_io_error(error);
    }

    /// The connection is over, everybody knows; only a few bytes may still have to leave.
    fn part(&mut self, cx: &mut Context<'_>) -> Turn {
        let now = Instant::now();
        if self.timer.as_mut().poll(cx).is_ready() {
            return Turn::Over;
        }
        self.poll_write(cx, now);
        if self.hub.output(now.into_std()).has_remaining() && !self.hub.io_failed() {
            return Turn::Idle;
        }
        match Pin::new(&mut self.stream).poll_shutdown(cx) {
            Poll::Pending if !self.hub.io_failed() => Turn::Idle,
            _ => Turn::Over,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Task<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.get_mut().poll_turns(cx)
    }
}

/// What a turn came to.
enum Turn {
    /// Nothing to do until somebody wakes the task.
    Idle,
    /// There may be more.
    Busy,
    /// Others should run first.
    Yield,
    /// The connection has ended.
    Over,
}
