//! A client's turn: from what it sent to what is done.

use std::time::Instant;

use bergen_amqp::codec::methods::MethodId;
use bergen_amqp::codec::{FieldTable, FieldValue, reply_code};
use bergen_amqp::protocol::{self, CloseReason, Event, Login};
use bytes::BytesMut;

use super::session::{Channel, ChannelCounts, Membership, Stopped};
use super::state::{Route, State};
use crate::core::{Refusal, Scope};

impl State {
    /// Takes what a client sent, and does it.
    pub(super) fn input(&mut self, key: usize, input: &mut BytesMut, now: Instant) {
        while let Some(session) = self.sessions.get_mut(key) {
            let more = session.connection.handle_next(input, now);
            self.events(key, now);
            if !more {
                break;
            }
        }
        self.weigh_incoming(key, now);
        self.end_turn(Some(key), now);
    }

    /// Does what is due for a client.
    pub(super) fn timeout(&mut self, key: usize, now: Instant) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        if session.stopped != Stopped::No {
            // It may well send heartbeats; we do not read them.
            session.connection.heard(now);
        }
        session.connection.handle_timeout(now);
        if session.login.as_ref().is_some_and(|(at, _)| *at <= now) {
            self.answer_login(key, now);
        }
        self.events(key, now);
        self.end_turn(Some(key), now);
    }

    /// Does what the protocol found in a client's bytes.
    pub(super) fn events(&mut self, key: usize, now: Instant) {
        loop {
            let session = self.sessions.get_mut(key);
            let Some(event) = session.and_then(|session| session.connection.poll_event()) else {
                return;
            };
            match event {
                Event::LoginRequested {
                    login,
                    client_properties,
                } => self.login_requested(key, &login, client_properties, now),
                Event::OpenRequested { virtual_host } => self.open(key, &virtual_host, now),
                Event::ChannelOpened { channel } => self.channel_opened(key, channel),
                Event::Method { channel, method } => {
                    if let Ok(method) = method.decode() {
                        self.method(key, channel, &method, now);
                    }
                }
                Event::Published {
                    channel,
                    tag,
                    mandatory,
                    immediate,
                    message,
                } => self.published(key, channel, (tag, mandatory, immediate), message, now),
                Event::ChannelClosed { channel, .. } => self.close_channel(key, channel, now),
                Event::Closed { reason } => {
                    self.log_end(key, &reason);
                    self.leave(key, now);
                }
                // Only clients get others.
                _ => {}
            }
        }
    }

    /// A command is not carried out, and what that ends.
    pub(super) fn refuse(
        &mut self,
        key: usize,
        channel: protocol::ChannelId,
        refusal: &Refusal,
        blamed: MethodId,
        now: Instant,
    ) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let Refusal { code, text, scope } = refusal;
        tracing::debug!(connection = %session.name, channel = channel.number(), "refused: {text}");
        session.flush_confirms();
        match scope {
            Scope::Channel => {
                let closed = session
                    .connection
                    .close_channel_for(channel, *code, text, blamed);
                if let Err(error) = closed {
                    tracing::debug!(%error, "the channel is gone already");
                }
                self.close_channel(key, channel, now);
            }
            Scope::Connection => {
                session.connection.close_for(*code, text, blamed, now);
                self.leave(key, now);
            }
        }
    }

    /// A channel is gone: its consumers end, what it has not settled is requeued.
    pub(super) fn close_channel(&mut self, key: usize, channel: protocol::ChannelId, now: Instant) {
        let Some(scene) = self.scene(key) else {
            return;
        };
        let Some(gone) = scene.session.take_channel(channel) else {
            return;
        };
        scene.host.routes.remove(&gone.id);
        scene.host.core.close_channel(gone.id, now);
        if let Some(at) = scene.session.membership {
            self.effects(at.host, now);
        }
    }

    /// A client is no longer in its virtual host: its channels close, its exclusive queues go.
    pub(super) fn leave(&mut self, key: usize, now: Instant) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let channels: Vec<_> = session
            .channels
            .drain(..)
            .flatten()
            .map(|channel| channel.id)
            .collect();
        session.confirming.clear();
        let Some(Membership { host: at, id }) = session.membership.take() else {
            return;
        };
        if let Some(host) = self.hosts.get_mut(at).and_then(Option::as_mut) {
            for channel in channels {
                host.routes.remove(&channel);
            }
            host.core.disconnect(id, now);
            self.effects(at, now);
        }
    }

    fn login_requested(
        &mut self,
        key: usize,
        login: &Login,
        client_properties: FieldTable<'static>,
        now: Instant,
    ) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        session.mechanism = login.mechanism();
        session.cancel_notify = client_properties
            .get("capabilities")
            .and_then(FieldValue::as_table)
            .and_then(|capabilities| capabilities.get("consumer_cancel_notify"))
            .and_then(FieldValue::as_bool)
            == Some(true);
        session.client_properties = client_properties;
        let decision = self.access.log_in(login, &session.peer, now);
        let later = !decision.after.is_zero();
        session.login = Some((now + decision.after, decision.outcome));
        if !later {
            self.answer_login(key, now);
        }
    }

    fn answer_login(&mut self, key: usize, now: Instant) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        match session.login.take() {
            Some((_, Ok(user))) => {
                session.user = Some(user);
                session.connection.accept();
                self.departures.notify_waiters();
            }
            Some((_, Err(text))) => {
                session
                    .connection
                    .refuse(reply_code::ACCESS_REFUSED, &text, now);
            }
            None => {}
        }
    }

    fn open(&mut self, key: usize, virtual_host: &str, now: Instant) {
        let at = self.host_index(virtual_host);
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let Some(user) = &session.user else {
            return;
        };
        let rights = self.access.enter(user, virtual_host, at.is_some());
        let host = at.and_then(|at| Some((at, self.hosts.get_mut(at)?.as_mut()?)));
        match (rights, host) {
            (Ok(rights), Some((at, host))) => {
                let id = host.core.connect();
                session.membership = Some(Membership { host: at, id });
                session.rights = Some(rights);
                session.connection.accept();
            }
            (Err(refusal), _) => session.connection.refuse(refusal.code, &refusal.text, now),
            (Ok(_), None) => {}
        }
    }

    fn channel_opened(&mut self, key: usize, wire: protocol::ChannelId) {
        let Some(scene) = self.scene(key) else {
            return;
        };
        let Some(membership) = scene.session.membership else {
            return;
        };
        let id = scene.host.core.open_channel(membership.id);
        let route = Route {
            session: key,
            channel: wire,
        };
        scene.host.routes.insert(id, route);
        scene.session.add_channel(Channel {
            wire,
            id,
            last_queue: "".into(),
            confirms: None,
            transaction: None,
            direct_reply: None,
            counts: ChannelCounts::default(),
        });
    }

    fn log_end(&self, key: usize, reason: &CloseReason) {
        let Some(session) = self.sessions.get(key) else {
            return;
        };
        let name = &session.name;
        match reason {
            CloseReason::Local | CloseReason::Peer { .. } | CloseReason::Refused { .. } => {
                tracing::debug!(connection = %name, "{reason}");
            }
            // Port scans and health checks.
            CloseReason::Disconnected { .. } | CloseReason::NotAmqp { .. } => {
                tracing::debug!(connection = %name, "{reason}");
            }
            _ => tracing::info!(connection = %name, "the connection has ended: {reason}"),
        }
    }
}
