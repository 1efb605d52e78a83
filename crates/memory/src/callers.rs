//! The calls of one driver that wait.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bergen_messaging::driver::{Bound, SendError};

use super::caller::Caller;

/// Bounds how many calls wait, and ends them all when the driver closes.
#[derive(Default)]
pub(crate) struct Callers {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    places: Vec<Option<Arc<Caller>>>,
    free: Vec<usize>,
    closed: bool,
}

/// One call's place; dropping it gives the call up.
pub(crate) struct Place<'a> {
    callers: &'a Callers,
    index: usize,
    pub(crate) caller: Arc<Caller>,
}

impl Callers {
    /// A place for a call, unless `limit` wait already.
    pub(crate) fn admit(&self, caller: Caller, limit: usize) -> Result<Place<'_>, SendError> {
        let caller = Arc::new(caller);
        let mut table = self.lock();
        if table.closed {
            return Err(SendError::Closed);
        }
        let index = match table.free.pop() {
            Some(index) => {
                if let Some(place) = table.places.get_mut(index) {
                    *place = Some(Arc::clone(&caller));
                }
                index
            }
            None if table.places.len() < limit => {
                table.places.push(Some(Arc::clone(&caller)));
                table.places.len() - 1
            }
            None => return Err(SendError::Overloaded(Bound::WaitingCalls(limit))),
        };
        drop(table);
        Ok(Place {
            callers: self,
            index,
            caller,
        })
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        let table = self.lock();
        table.places.len() - table.free.len()
    }

    pub(crate) fn are_closed(&self) -> bool {
        self.lock().closed
    }

    /// Ends all waiting, and lets nobody wait any more. False if that was done before.
    pub(crate) fn close(&self) -> bool {
        let mut table = self.lock();
        let first = !std::mem::replace(&mut table.closed, true);
        let waiting: Vec<_> = table.places.iter().flatten().cloned().collect();
        drop(table);
        for caller in waiting {
            caller.close();
        }
        first
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut table = self.callers.lock();
        if let Some(place) = table.places.get_mut(self.index) {
            *place = None;
        }
        table.free.push(self.index);
    }
}
