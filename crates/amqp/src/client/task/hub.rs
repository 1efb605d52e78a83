//! The task without its socket: commands go to the protocol, whoever waits is noted.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use tokio::sync::{oneshot, watch};

use super::slot::Slots;
use crate::client::command::{ConnectionState, WeakCommandSender};
use crate::client::{ConnectOptions, Error, Stats, TlsError, tls};
use crate::codec::FieldTable;
use crate::codec::reply_code::REPLY_SUCCESS;
use crate::protocol::{self, CloseReason, Output};

/// The protocol and everybody who waits for something of it.
pub(in crate::client) struct Hub {
    pub(super) protocol: protocol::Connection,
    pub(super) state: Arc<ConnectionState>,
    pub(super) stats: Stats,
    pub(super) slots: Slots,
    /// To give to the handles of new channels.
    pub(super) commands: WeakCommandSender,
    pub(super) publish_window: usize,
    write_buffer_limit: usize,
    waiting: usize,
    pub(super) blocked: watch::Sender<Option<Arc<str>>>,
    pub(super) connected: Option<Connected>,
    pub(super) over: Option<CloseReason>,
    /// Who waits for the connection to close.
    pub(super) closers: Vec<oneshot::Sender<()>>,
    /// A waiter or a sink was called in this turn.
    pub(super) woke: bool,
    io_failed: bool,
    tls_error: Option<TlsError>,
}

/// What the handshake found out.
#[derive(Clone, Debug)]
pub(in crate::client) struct Connected {
    pub(in crate::client) server_properties: FieldTable<'static>,
}

impl Hub {
    pub(in crate::client) fn new(
        options: &ConnectOptions,
        protocol: protocol::Connection,
        state: Arc<ConnectionState>,
        commands: WeakCommandSender,
        blocked: watch::Sender<Option<Arc<str>>>,
    ) -> Self {
        Self {
            protocol,
            state,
            stats: Stats::default(),
            slots: Slots::default(),
            commands,
            publish_window: options.publish_window,
            write_buffer_limit: options.write_buffer_limit,
            waiting: 0,
            blocked,
            connected: None,
            over: None,
            closers: Vec::new(),
            woke: false,
            io_failed: false,
            tls_error: None,
        }
    }

    pub(super) fn connected(&mut self) -> Option<Connected> {
        self.connected.take()
    }

    /// Why the connection is over, once it is.
    pub(super) fn over(&self) -> Option<&CloseReason> {
        self.over.as_ref()
    }

    pub(super) fn io_failed(&self) -> bool {
        self.io_failed
    }

    /// What TLS had to say to a read or write that failed.
    pub(in crate::client) fn tls_error(&self) -> Option<&TlsError> {
        self.tls_error.as_ref()
    }

    /// Whether somebody was woken since this was last asked.
    pub(super) fn take_woke(&mut self) -> bool {
        std::mem::take(&mut self.woke)
    }

    /// Notes what the socket has left of the output. Bodies that have not come forward do not count:
    /// one of 50 MB would otherwise stop every other channel until it is through.
    pub(super) fn note_waiting(&mut self, bytes: usize) {
        self.waiting = bytes;
    }

    pub(super) fn takes_commands(&self) -> bool {
        self.waiting < self.write_buffer_limit
    }

    #[cfg(test)]
    pub(super) fn pending_output(&self) -> usize {
        self.protocol.pending_output_bytes()
    }

    pub(super) fn taken(&self, commands: usize) {
        self.state.taken(commands);
    }

    pub(super) fn publish_stats(&self) {
        let frames = self.protocol.stats();
        self.state.stats.store(&Stats {
            frames_in: frames.received.frames(),
            frames_out: frames.sent.frames(),
            ..self.stats
        });
    }

    pub(super) fn output(&mut self, now: Instant) -> &mut Output {
        self.protocol.output(now)
    }

    pub(super) fn timeout(&self) -> Option<Instant> {
        self.protocol.poll_timeout()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.protocol.handle_timeout(now);
        self.handle_events();
    }

    pub(super) fn handle_input(&mut self, input: &mut BytesMut, now: Instant) {
        self.protocol.handle_input(input, now);
        self.handle_events();
    }

    pub(super) fn handle_eof(&mut self) {
        self.protocol.handle_eof();
        self.handle_events();
    }

    pub(super) fn handle_io_error(&mut self, error: &io::Error) {
        self.io_failed = true;
        self.tls_error = tls::cause(error, "");
        self.protocol.handle_io_error(error);
        self.handle_events();
    }

    /// Begins an orderly close.
    pub(super) fn close(&mut self, now: Instant) {
        self.state.close(crate::client::CloseReason::Requested);
        self.protocol
            .close(REPLY_SUCCESS, "closed by the client", now);
    }

    /// The connection is over: everybody is told.
    pub(super) fn end(&mut self) {
        let reason = self
            .over
            .clone()
            .map_or(crate::client::CloseReason::TaskEnded, Into::into);
        self.state.close(reason);
        let reason = Error::ConnectionClosed(self.state.close_reason());
        for slot in self.slots.drain() {
            slot.end(&reason);
        }
        self.closers.clear();
        // Whoever reads the events learns of the end by losing the sender.
        self.blocked = watch::Sender::new(None);
    }
}

impl Drop for Hub {
    /// Runs also when the task panics or its runtime shuts down: nobody must wait for ever.
    fn drop(&mut self) {
        self.end();
    }
}
