//! The faults, by name.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::FaultsError;
use crate::account::{Account, Loss};
use crate::stage::{Place, Stage};
use crate::worker::now;

mod broker;
mod cluster;
mod entities;
mod network;
mod processes;

/// How thorough a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Every fault, briefly: for the tests.
    Short,
    /// Every fault again and again, and for longer.
    Long,
}

impl Pace {
    /// How often something is done.
    pub(crate) fn times(self, short: u32, long: u32) -> u32 {
        match self {
            Self::Short => short,
            Self::Long => long,
        }
    }

    /// How long something lasts.
    pub(crate) fn lasting(self, short: u64, long: u64) -> Duration {
        Duration::from_secs(match self {
            Self::Short => short,
            Self::Long => long,
        })
    }
}

/// Declares each fault once: its variant, its name on the command line, its place, what may be lost, what happens.
macro_rules! faults {
    ($($variant:ident $name:literal $place:ident $loss:ident $about:literal,)*) => {
        /// Something that happens to a stage under load.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Fault {
            $(#[doc = $about] $variant,)*
        }

        impl Fault {
            /// All of them, in the order in which they are run.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name on the command line.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What happens, in a few words.
            pub fn about(self) -> &'static str {
                match self { $(Self::$variant => $about,)* }
            }

            /// The broker that it needs.
            pub fn place(self) -> Place {
                match self { $(Self::$variant => Place::$place,)* }
            }

            /// With what casts and fanouts may be lost.
            pub fn loss(self) -> Loss {
                match self { $(Self::$variant => Loss::$loss,)* }
            }
        }
    };
}

faults! {
    ConnectionsClosed "connections-closed" Node Never
        "the management interface closes every connection",
    CutMidFrame "cut-mid-frame" Node Never
        "bergen's connections are reset in the middle of a frame",
    BlackHole "black-hole" Node Never
        "nothing gets through any more, in either direction, until heartbeats notice",
    HalfClosed "half-closed" Node Never
        "the broker's half of bergen's connections ends, then bergen's",
    Delayed "delayed" Node Never
        "everything arrives 300 ms later, each way",
    Throttled "throttled" Node Never
        "1000 bytes a second get through, each way",
    MemoryAlarm "memory-alarm" Node Never
        "the broker's memory alarm blocks all who publish",
    ReplyQueuesDeleted "reply-queues-deleted" Node Never
        "the reply queues of all clients are deleted",
    TopicQueuesDeleted "topic-queues-deleted" Node WithTheQueue
        "the queues of both topics are deleted with what is in them",
    FanoutExchangesDeleted "fanout-exchanges-deleted" Node FanoutsWithTheExchange
        "the fanout exchanges of both topics are deleted; then the servers' connections are closed",
    ServersKilled "servers-killed" Node WithTheServer
        "a server of each library is killed while methods run, and started again",
    ClientsKilled "clients-killed" Node Never
        "both clients are killed while they call, and others take their place",
    BrokerRestarted "broker-restarted" Node WithTheBroker
        "the broker is stopped in order and started again",
    BrokerKilled "broker-killed" Node WithTheBroker
        "the broker is killed and started again",
    QuorumNodeStopped "quorum-node-stopped" Quorum Never
        "of three nodes with quorum queues, the one that most are connected to is stopped",
    QuorumPartitioned "quorum-partitioned" Quorum Never
        "the node that most are connected to is cut off from the two others, which pauses it",
    StreamNodeStopped "stream-node-stopped" Streams FanoutsToThePeerWithItsPlace
        "as quorum-node-stopped, with one stream instead of fanout queues",
    StreamPartitioned "stream-partitioned" Streams FanoutsToThePeerWithItsPlace
        "as quorum-partitioned, with one stream instead of fanout queues",
}

impl Fault {
    /// What shows that it happened: a sentence if the account does not show it.
    pub fn unfelt(self, account: &Account) -> Option<String> {
        let (what, felt, at_least) = match self {
            Self::MemoryAlarm => ("the longest silence", account.silent, 2.0),
            Self::BlackHole | Self::BrokerRestarted | Self::BrokerKilled => {
                ("the longest silence", account.silent, 1.0)
            }
            Self::Delayed => ("the slowest answer", account.slowest, 0.6),
            Self::Throttled => ("the slowest answer", account.slowest, 1.0),
            Self::ServersKilled => {
                let failures = account.total().failures();
                ("the number of failed calls", count(failures), 1.0)
            }
            Self::ClientsKilled => {
                let gone = account.total().gone_with_client;
                ("what was in flight", count(gone), 1.0)
            }
            // What these do is waited for while it is done.
            _ => return None,
        };
        (felt < at_least).then(|| format!("the fault was not felt: {what} was {felt:.2}"))
    }
}

fn count(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

/// What was done to a stage.
#[derive(Clone, Debug)]
pub struct Inflicted {
    /// When it began.
    pub begin: f64,
    /// When it was taken back, or as good as: service is to resume from here on.
    pub healed: f64,
    /// Clients that were killed, as the log names them.
    pub killed_clients: BTreeSet<String>,
}

impl Inflicted {
    /// Something that is over as soon as it is done.
    pub fn at_once(begin: f64) -> Self {
        Self {
            begin,
            healed: begin,
            killed_clients: BTreeSet::new(),
        }
    }

    /// Something that began then and was over now.
    pub(crate) fn since(begin: f64) -> Self {
        Self {
            healed: now(),
            ..Self::at_once(begin)
        }
    }
}

impl Fault {
    /// Does it, and takes it back where it does not go by itself.
    pub(crate) async fn inflict(
        self,
        stage: &mut Stage,
        pace: Pace,
    ) -> Result<Inflicted, FaultsError> {
        match self {
            Self::ConnectionsClosed => network::close_connections(stage, pace).await,
            Self::CutMidFrame => network::cut_mid_frame(stage, pace).await,
            Self::BlackHole => network::black_hole(stage, pace).await,
            Self::HalfClosed => network::half_close(stage, pace).await,
            Self::Delayed => network::delay(stage, pace).await,
            Self::Throttled => network::throttle(stage, pace).await,
            Self::MemoryAlarm => broker::memory_alarm(stage, pace).await,
            Self::ReplyQueuesDeleted => entities::reply_queues(stage, pace).await,
            Self::TopicQueuesDeleted => entities::topic_queues(stage, pace).await,
            Self::FanoutExchangesDeleted => entities::fanout_exchanges(stage).await,
            Self::ServersKilled => processes::kill_servers(stage).await,
            Self::ClientsKilled => processes::kill_clients(stage).await,
            Self::BrokerRestarted => broker::restart(stage, pace).await,
            Self::BrokerKilled => broker::kill(stage, pace).await,
            Self::QuorumNodeStopped | Self::StreamNodeStopped => cluster::stop(stage).await,
            Self::QuorumPartitioned | Self::StreamPartitioned => cluster::partition(stage).await,
        }
    }

    /// Puts the stage back as it was, after service has resumed; says whether there was anything to do.
    pub(crate) async fn clear_away(self, stage: &mut Stage) -> Result<bool, FaultsError> {
        match self {
            Self::QuorumNodeStopped | Self::StreamNodeStopped => cluster::start(stage).await?,
            Self::QuorumPartitioned | Self::StreamPartitioned => cluster::heal(stage).await?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// A fault was ordered where it can't happen.
fn misplaced() -> FaultsError {
    FaultsError::Never("a fault that needs another broker than this stage has".to_owned())
}
