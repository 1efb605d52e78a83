//! Which host of a cluster is tried next.

#[cfg(test)]
mod tests;

/// How the next host is chosen (`kombu_failover_strategy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Failover {
    /// One after the other; a lost connection goes on with the next one. The peer's default.
    #[default]
    RoundRobin,
    /// A random one each time.
    Shuffle,
}

/// The hosts of a transport URL, in the order in which they are tried.
///
/// The list is shuffled once, so that many clients with one configuration spread over the cluster.
#[derive(Debug)]
pub(super) struct Hosts<H> {
    list: Vec<H>,
    failover: Failover,
    random: fastrand::Rng,
    next: usize,
}

impl<H> Hosts<H> {
    /// Takes over the hosts of a URL. An empty list yields nothing.
    pub(super) fn new(mut hosts: Vec<H>, failover: Failover, mut random: fastrand::Rng) -> Self {
        random.shuffle(&mut hosts);
        Self {
            list: hosts,
            failover,
            random,
            next: 0,
        }
    }

    /// How many attempts make one round.
    pub(super) fn round(&self) -> usize {
        self.list.len()
    }

    /// The host to try now.
    pub(super) fn next_host(&mut self) -> Option<&H> {
        let count = self.list.len();
        let index = match self.failover {
            _ if count == 0 => return None,
            Failover::RoundRobin => self.next % count,
            Failover::Shuffle => self.random.usize(..count),
        };
        self.next = index + 1;
        self.list.get(index)
    }
}
