//! What can be seen of a running broker.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bergen_amqp::codec::{FieldTable, reply_code};
use bergen_amqp::protocol::{Stats, Tuning};

use super::access::{Access, User};
use super::listen::Peer;
use super::session::{Channel, ChannelCounts, Session, Stopped};
use super::state::{Host, State};
use crate::core::{self, HostSettings, VirtualHost};

/// A connection as management shows it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// `127.0.0.1:40000 -> 127.0.0.1:5672`
    pub name: Arc<str>,
    /// Where it comes from.
    pub peer: Peer,
    /// Who logged in.
    pub user: Option<Arc<User>>,
    /// By which mechanism.
    pub mechanism: &'static str,
    /// Where it is.
    pub virtual_host: Option<Arc<str>>,
    /// `starting`, `running`, `blocked`, `flow` (it does not read) or `closing`.
    pub state: &'static str,
    /// Open channels.
    pub channels: usize,
    /// What was agreed.
    pub tuning: Option<Tuning>,
    /// When it came.
    pub connected_at: SystemTime,
    /// What it says about itself.
    pub client_properties: FieldTable<'static>,
    /// What went over it.
    pub traffic: Stats,
    /// Bytes that wait for it to read them.
    pub pending_bytes: usize,
}

/// A channel as management shows it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ChannelInfo {
    /// Its connection's name.
    pub connection: Arc<str>,
    /// Where that comes from.
    pub peer: Peer,
    /// Its number on the wire.
    pub number: u16,
    /// Who logged in.
    pub user: Option<Arc<User>>,
    /// Where it is.
    pub virtual_host: Option<Arc<str>>,
    /// What the core calls it.
    pub id: core::ChannelId,
    /// Whether publishes are confirmed.
    pub confirms: bool,
    /// Publishes that were not confirmed yet.
    pub unconfirmed: usize,
    /// Whether it is transactional.
    pub transactional: bool,
    /// What passed it.
    pub counts: ChannelCounts,
}

impl State {
    /// The node's name, as in RabbitMQ: `bergen@host`.
    pub fn node(&self) -> &Arc<str> {
        &self.settings.node
    }

    /// Who may do what.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Who may do what from now on; open connections keep what they have.
    pub fn access_mut(&mut self) -> &mut Access {
        &mut self.access
    }

    /// The names of the virtual hosts.
    pub fn virtual_hosts(&self) -> impl Iterator<Item = &Arc<str>> {
        self.hosts.iter().flatten().map(|host| &host.name)
    }

    /// A virtual host.
    pub fn host(&self, name: &str) -> Option<&VirtualHost> {
        Some(&self.host_entry(name)?.core)
    }

    /// A virtual host, to do something there.
    pub fn host_mut(&mut self, name: &str) -> Option<&mut VirtualHost> {
        let at = self.host_index(name)?;
        Some(&mut self.hosts.get_mut(at)?.as_mut()?.core)
    }

    /// Messages that passed a virtual host.
    pub fn host_totals(&self, name: &str) -> Option<ChannelCounts> {
        Some(self.host_entry(name)?.counts)
    }

    /// Messages of all clients since the start.
    pub fn totals(&self) -> ChannelCounts {
        self.totals
    }

    /// Makes a virtual host; false if there is one of that name.
    pub fn create_host(&mut self, settings: HostSettings) -> bool {
        self.add_host(settings, Instant::now())
    }

    /// Removes a virtual host, and closes the connections that are there; false if there is none of that name.
    pub fn delete_host(&mut self, name: &str) -> bool {
        let Some(at) = self.host_index(name) else {
            return false;
        };
        let now = Instant::now();
        let text = format!("CONNECTION_FORCED - vhost '{name}' is down");
        let there: Vec<usize> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.membership.is_some_and(|place| place.host == at))
            .map(|(key, _)| key)
            .collect();
        for key in there {
            self.force_close(key, reply_code::CONNECTION_FORCED, &text, now);
        }
        if let Some(host) = self.hosts.get_mut(at).and_then(Option::take) {
            self.durable.remove_host(&host.name);
        }
        true
    }

    /// Why publishers are stopped, if they are.
    pub fn alarm(&self) -> Option<&'static str> {
        self.alarms.reason()
    }

    /// How many clients are connected, those that have not logged in included.
    pub fn connection_count(&self) -> usize {
        self.sessions.len()
    }

    /// Bytes that messages hold, and how many may be held before publishers are stopped.
    pub fn memory(&self) -> (u64, u64) {
        (
            self.message_bytes(),
            self.settings.limits.memory_high_watermark,
        )
    }

    /// Sockets that were accepted since the start.
    pub fn connections_created(&self) -> u64 {
        self.last_session
    }

    /// Bytes of messages that have come in part.
    pub fn incoming_bytes(&self) -> usize {
        self.incoming
    }

    /// All connections.
    pub fn connections(&self) -> Vec<ConnectionInfo> {
        let sessions = self.sessions.iter();
        sessions
            .map(|(_, session)| self.connection_info(session))
            .collect()
    }

    /// All channels.
    pub fn channels(&self) -> Vec<ChannelInfo> {
        let sessions = self.sessions.iter();
        sessions
            .flat_map(|(_, session)| {
                let channels = session.channels.iter().flatten();
                channels.map(|channel| self.channel_info(session, channel))
            })
            .collect()
    }

    /// Closes a connection by its name (320); false if there is none. Clients are told the reason.
    pub fn close_connection(&mut self, name: &str, reason: &str) -> bool {
        let found = self
            .sessions
            .iter()
            .find(|(_, session)| &*session.name == name);
        let Some((key, _)) = found else {
            return false;
        };
        let text = format!("CONNECTION_FORCED - {reason}");
        self.force_close(key, reply_code::CONNECTION_FORCED, &text, Instant::now());
        true
    }

    /// The name of the connection and the number of the channel that the core calls so, in this virtual host.
    pub fn channel_of(&self, virtual_host: &str, id: core::ChannelId) -> Option<(&Arc<str>, u16)> {
        let route = self.host_entry(virtual_host)?.routes.get(&id)?;
        let session = self.sessions.get(route.session)?;
        Some((&session.name, route.channel.number()))
    }

    fn host_entry(&self, name: &str) -> Option<&Host> {
        self.hosts.get(self.host_index(name)?)?.as_ref()
    }

    fn host_name(&self, session: &Session) -> Option<Arc<str>> {
        let at = session.membership?.host;
        Some(Arc::clone(&self.hosts.get(at)?.as_ref()?.name))
    }

    fn connection_info(&self, session: &Session) -> ConnectionInfo {
        let state = if session.membership.is_none() {
            if session.user.is_some() && session.connection.tuning().is_some() {
                "closing"
            } else {
                "starting"
            }
        } else if session.stopped != Stopped::No {
            "blocked"
        } else if session.stalled {
            "flow"
        } else {
            "running"
        };
        ConnectionInfo {
            name: Arc::clone(&session.name),
            peer: session.peer.clone(),
            user: session.user.clone(),
            mechanism: session.mechanism,
            virtual_host: self.host_name(session),
            state,
            channels: session.channels.iter().flatten().count(),
            tuning: session.connection.tuning(),
            connected_at: session.connected_at,
            client_properties: session.client_properties.clone(),
            traffic: session.connection.stats(),
            pending_bytes: session.connection.pending_output_bytes(),
        }
    }

    fn channel_info(&self, session: &Session, channel: &Channel) -> ChannelInfo {
        let confirms = channel.confirms.as_ref();
        ChannelInfo {
            connection: Arc::clone(&session.name),
            peer: session.peer.clone(),
            number: channel.wire.number(),
            user: session.user.clone(),
            virtual_host: self.host_name(session),
            id: channel.id,
            confirms: confirms.is_some(),
            unconfirmed: confirms.map_or(0, super::confirms::Confirms::unconfirmed),
            transactional: channel.transaction.is_some(),
            counts: channel.counts,
        }
    }
}
