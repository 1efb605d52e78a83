//! All of a running broker. It lives on one thread, so nothing of it is locked.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bergen_amqp::protocol::{self, Connection};
use slab::Slab;
use tokio::sync::Notify;

use super::access::Access;
use super::durable::Durable;
use super::limits::Limits;
use super::listen::Peer;
use super::memory::Alarms;
use super::session::{ChannelCounts, Session, Stopped};
use super::settings::Settings;
use crate::core::{self, HostSettings, VirtualHost};
use crate::store::{Restored, Store};

/// All of a running broker: its virtual hosts and its clients.
///
/// Programs see it in [`Control::ask`](crate::Control::ask). What they do there is carried on (deliveries, closes) when
/// their closure returns.
#[derive(Debug)]
pub struct State {
    pub(super) settings: Rc<Settings>,
    pub(super) access: Access,
    /// A host keeps its place as long as it lives.
    pub(super) hosts: Vec<Option<Host>>,
    pub(super) sessions: Slab<Session>,
    pub(super) last_session: u64,
    pub(super) durable: Durable,
    /// Whether publishers are stopped, and why.
    pub(super) alarms: Alarms,
    /// Bytes of messages that have come in part.
    pub(super) incoming: usize,
    /// Messages of all clients since the start.
    pub(super) totals: ChannelCounts,
    /// Rings when something is due earlier than was known.
    pub(super) clock: Rc<Notify>,
    /// When the clock rings by itself.
    pub(super) armed: Option<Instant>,
    /// Rings when a client has gone or logged in.
    pub(super) departures: Rc<Notify>,
}

/// A virtual host and who is there.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) name: Arc<str>,
    pub(super) core: VirtualHost,
    /// Whose channel is meant.
    pub(super) routes: HashMap<core::ChannelId, Route>,
    pub(super) counts: ChannelCounts,
}

/// A channel as the core's effects find it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Route {
    pub(super) session: usize,
    pub(super) channel: protocol::ChannelId,
}

/// A client and its virtual host, for one command.
pub(super) struct Scene<'a> {
    pub(super) session: &'a mut Session,
    pub(super) host: &'a mut Host,
    pub(super) totals: &'a mut ChannelCounts,
    pub(super) limits: &'a Limits,
}

impl State {
    pub(crate) fn new(limits: Limits, node: Arc<str>, access: Access) -> Self {
        Self {
            settings: Rc::new(Settings::new(limits, node)),
            access,
            hosts: Vec::new(),
            sessions: Slab::new(),
            last_session: 0,
            durable: Durable::default(),
            alarms: Alarms::default(),
            incoming: 0,
            totals: ChannelCounts::default(),
            clock: Rc::new(Notify::new()),
            armed: None,
            departures: Rc::new(Notify::new()),
        }
    }

    /// A client has come.
    pub(super) fn enter(&mut self, peer: Peer, now: Instant) -> usize {
        self.last_session += 1;
        let config = self.settings.protocol(&self.access, &peer);
        let name = peer_name(&peer, self.last_session);
        self.sessions.insert(Session {
            number: self.last_session,
            connection: Connection::server(config, now),
            peer,
            name,
            connected_at: SystemTime::now(),
            client_properties: bergen_amqp::codec::FieldTable::new(),
            cancel_notify: false,
            mechanism: "",
            user: None,
            login: None,
            membership: None,
            rights: None,
            channels: Vec::new(),
            stalled: false,
            stopped: Stopped::No,
            incoming: 0,
            waker: None,
            confirming: Vec::new(),
        })
    }

    /// A client's task has ended.
    pub(super) fn exit(&mut self, key: usize, now: Instant) {
        self.leave(key, now);
        if let Some(session) = self.sessions.try_remove(key) {
            self.incoming -= session.incoming;
        }
        self.departures.notify_waiters();
        self.end_turn(None, now);
    }

    /// Makes a virtual host; false if there is one of that name.
    pub(super) fn add_host(&mut self, settings: HostSettings, now: Instant) -> bool {
        if self.host_index(&settings.name).is_some() {
            return false;
        }
        self.durable.add_host(&settings.name);
        let host = Host {
            name: Arc::clone(&settings.name),
            core: VirtualHost::new(settings, now, SystemTime::now()),
            routes: HashMap::new(),
            counts: ChannelCounts::default(),
        };
        match self.hosts.iter_mut().find(|slot| slot.is_none()) {
            Some(slot) => *slot = Some(host),
            None => self.hosts.push(Some(host)),
        }
        true
    }

    /// Makes the virtual hosts that were kept, by their `settings` where there are some, and keeps what changes from
    /// now on.
    pub(crate) fn restore(
        &mut self,
        store: Store,
        restored: Restored,
        settings: &mut Vec<HostSettings>,
    ) {
        let now = Instant::now();
        for kept in restored.hosts {
            let name = Arc::clone(kept.name());
            let given = settings.iter().position(|given| given.name == name);
            let given = given.map(|at| settings.remove(at));
            let default = HostSettings {
                name: Arc::clone(&name),
                ..HostSettings::default()
            };
            self.add_host(given.unwrap_or(default), now);
            let at = self.host_index(&name);
            let host = at.and_then(|at| self.hosts.get_mut(at)?.as_mut());
            if let Some(host) = host {
                for change in kept.into_changes() {
                    host.core.restore(change);
                }
                host.core.restored(now, SystemTime::now());
            }
        }
        self.durable.keep(store);
        self.carry_on(now);
    }

    pub(super) fn host_index(&self, name: &str) -> Option<usize> {
        self.hosts
            .iter()
            .position(|host| host.as_ref().is_some_and(|host| &*host.name == name))
    }

    /// The client and where it is, if it is anywhere.
    pub(super) fn scene(&mut self, key: usize) -> Option<Scene<'_>> {
        let session = self.sessions.get_mut(key)?;
        let host = self.hosts.get_mut(session.membership?.host)?.as_mut()?;
        Some(Scene {
            session,
            host,
            totals: &mut self.totals,
            limits: &self.settings.limits,
        })
    }
}

fn peer_name(peer: &Peer, number: u64) -> Arc<str> {
    match (peer.peer, peer.local) {
        (Some(from), Some(to)) => format!("{from} -> {to}").into(),
        _ => format!("local socket {number}").into(),
    }
}
