//! The task that lives a listener's life.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::work::{Verdict, Work, handle};
use super::{ReceivedEvent, Shared};
use crate::clock::later;
use crate::driver::{IncomingNotification, ListenError};
use crate::notify::Priority;
use crate::rpc::{DuplicateWindow, Duplicates};
use crate::transport::Notifications;
use crate::wire::Id;

/// Takes events while there is room, runs them, and settles them when they are handled.
///
/// Everything that it holds is unacknowledged, so what is lost with it comes again.
pub(super) struct Engine {
    shared: Arc<Shared>,
    source: Notifications,
    /// How many events it takes before others are settled.
    most_held: usize,
    held: usize,
    running: JoinSet<Finished>,
    /// May run, has no place yet.
    ready: VecDeque<Work>,
    /// What waits for an event of the same publisher, for each that has one at work.
    lanes: HashMap<String, VecDeque<Work>>,
    gathered: Vec<ReceivedEvent>,
    /// When a batch is handed over that has not become full.
    batch_end: Option<Instant>,
    /// What is held, by the ids of the messages, with the copies that have come since.
    known: HashMap<Id, VecDeque<IncomingNotification>>,
    done: Duplicates,
}

struct Finished {
    work: Work,
    verdicts: Vec<Verdict>,
}

impl Engine {
    pub(super) fn new(
        shared: Arc<Shared>,
        source: Notifications,
        most_held: usize,
        window: DuplicateWindow,
    ) -> Self {
        Self {
            shared,
            source,
            most_held,
            held: 0,
            running: JoinSet::new(),
            ready: VecDeque::new(),
            lanes: HashMap::new(),
            gathered: Vec::new(),
            batch_end: None,
            known: HashMap::new(),
            done: Duplicates::new(window),
        }
    }

    /// Ends when the listener is stopped, or with the reason for which the driver gave up, once everything that runs
    /// is finished.
    pub(super) async fn run(mut self) -> Result<(), ListenError> {
        let ended = self.serve().await;
        self.shared.stop.cancel();
        self.source.stop().await;
        self.give_back_what_waits();
        while let Some(finished) = self.running.join_next().await {
            let _ = self.settle(finished);
        }
        self.source.close().await;
        ended
    }

    async fn serve(&mut self) -> Result<(), ListenError> {
        let stop = self.shared.stop.clone();
        loop {
            self.begin_what_is_ready();
            let has_room = self.has_room();
            let batch_end = self.batch_end;
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                Some(finished) = self.running.join_next() => self.settle(finished)?,
                () = sleep_until(batch_end.unwrap_or_else(Instant::now)), if batch_end.is_some() => {
                    self.hand_over_batch();
                }
                incoming = self.source.next(), if has_room => self.take(incoming?),
            }
        }
    }

    fn has_room(&self) -> bool {
        self.ready.is_empty()
            && self.running.len() < self.shared.limit
            && self.held < self.most_held
    }

    fn take(&mut self, incoming: IncomingNotification) {
        let counters = &self.shared.counters;
        let Some(priority) = Priority::parse(&incoming.notification.priority) else {
            counters.unknown_priority.add();
            let _ = incoming.acknowledge();
            return;
        };
        if let Some(id) = &incoming.notification.unique_id {
            if self.done.contains(id, Instant::now()) {
                counters.duplicates.add();
                let _ = incoming.acknowledge();
                return;
            }
            let id = Id::of(id);
            if let Some(copies) = self.known.get_mut(&id) {
                counters.duplicates.add();
                copies.push_back(incoming);
                if copies.len() > MOST_COPIES
                    && let Some(oldest) = copies.pop_front()
                {
                    // Given back it would come again at once, for as long as the event is at work.
                    let _ = oldest.acknowledge();
                }
                return;
            }
            self.known.insert(id, VecDeque::new());
        }
        self.held += 1;
        let event = ReceivedEvent::new(incoming, priority);
        match self.shared.batch {
            None => self.line_up(event),
            Some(batch) => {
                self.gathered.push(event);
                self.batch_end
                    .get_or_insert_with(|| later(Instant::now(), batch.within));
                if self.gathered.len() >= batch.size {
                    self.hand_over_batch();
                }
            }
        }
    }

    fn line_up(&mut self, event: ReceivedEvent) {
        let publisher = &event.incoming.notification.publisher_id;
        let lane = (self.shared.ordered).then(|| publisher.clone().unwrap_or_default());
        let work = Work {
            priority: event.priority,
            events: vec![event],
            lane,
        };
        if let Some(lane) = &work.lane {
            if let Some(waiting) = self.lanes.get_mut(lane) {
                waiting.push_back(work);
                return;
            }
            self.lanes.insert(lane.clone(), VecDeque::new());
        }
        self.ready.push_back(work);
    }

    /// Makes one work of what was gathered of each priority; within a priority the order is kept.
    fn hand_over_batch(&mut self) {
        self.batch_end = None;
        let mut batches: Vec<Work> = Vec::new();
        for event in std::mem::take(&mut self.gathered) {
            let priority = event.priority;
            match batches.iter_mut().find(|work| work.priority == priority) {
                Some(work) => work.events.push(event),
                None => batches.push(Work {
                    priority,
                    events: vec![event],
                    lane: None,
                }),
            }
        }
        self.ready.extend(batches);
    }

    fn begin_what_is_ready(&mut self) {
        while self.running.len() < self.shared.limit
            && let Some(work) = self.ready.pop_front()
        {
            let shared = Arc::clone(&self.shared);
            self.running.spawn(async move {
                let mut work = work;
                let verdicts = handle(&shared, &mut work).await;
                Finished { work, verdicts }
            });
        }
    }

    fn settle(&mut self, finished: Result<Finished, JoinError>) -> Result<(), ListenError> {
        let Finished { work, verdicts } = finished.map_err(|error| ListenError::Failed {
            cause: format!("a notification's task ended: {error}"),
        })?;
        for (event, verdict) in work.events.into_iter().zip(verdicts) {
            self.settle_event(event.incoming, verdict);
        }
        if let Some(lane) = work.lane
            && let Some(waiting) = self.lanes.get_mut(&lane)
        {
            match waiting.pop_front() {
                Some(next) => self.ready.push_back(next),
                None => {
                    self.lanes.remove(&lane);
                }
            }
        }
        Ok(())
    }

    /// What the broker can't be told because the connection is gone, it knows by itself: it delivers the event again.
    fn settle_event(&mut self, incoming: IncomingNotification, verdict: Verdict) {
        self.held -= 1;
        let mut copies = VecDeque::new();
        if let Some(id) = &incoming.notification.unique_id {
            copies = self.known.remove(&Id::of(id)).unwrap_or_default();
            if verdict == Verdict::Acknowledge {
                self.done.record(id, Instant::now());
            }
        }
        copies.push_front(incoming);
        for copy in copies {
            let _ = match verdict {
                Verdict::Acknowledge => copy.acknowledge(),
                Verdict::Requeue => copy.requeue(),
            };
        }
    }

    fn give_back_what_waits(&mut self) {
        let lanes = self.lanes.drain().flat_map(|(_, waiting)| waiting);
        let waiting: Vec<ReceivedEvent> = lanes
            .chain(self.ready.drain(..))
            .flat_map(|work| work.events)
            .chain(self.gathered.drain(..))
            .collect();
        for event in waiting {
            self.settle_event(event.incoming, Verdict::Requeue);
        }
    }
}

/// Copies of one event at work that are kept to be settled with it, the newest. A lost connection brings one; its
/// predecessor can't be settled any more.
const MOST_COPIES: usize = 8;
