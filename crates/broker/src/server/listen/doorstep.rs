//! Those who have connected and not yet logged in.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use tokio::sync::oneshot;

#[cfg(test)]
mod tests;

/// Room for sockets before login, so that who only connects does not take the room of those who come to work.
///
/// When it is full, who has stood there longest has to go: a client that means it logs in within milliseconds.
#[derive(Debug, Clone)]
pub struct Doorstep(Rc<RefCell<Waiting>>);

/// One place on the [`Doorstep`]. Dropping it makes room.
#[derive(Debug)]
pub struct Place {
    number: u64,
    doorstep: Doorstep,
    expelled: oneshot::Receiver<()>,
}

#[derive(Debug)]
struct Waiting {
    room: usize,
    next: u64,
    expelled: u64,
    /// By age.
    places: BTreeMap<u64, oneshot::Sender<()>>,
}

impl Doorstep {
    /// Room for so many, at least one.
    pub fn new(room: usize) -> Self {
        Self(Rc::new(RefCell::new(Waiting {
            room: room.max(1),
            next: 0,
            expelled: 0,
            places: BTreeMap::new(),
        })))
    }

    /// A place for one more.
    pub fn enter(&self) -> Place {
        let mut waiting = self.0.borrow_mut();
        while waiting.places.len() >= waiting.room {
            // Its socket may be closing already.
            if let Some((_, oldest)) = waiting.places.pop_first() {
                let _ = oldest.send(());
                waiting.expelled += 1;
            }
        }
        let (sender, expelled) = oneshot::channel();
        let number = waiting.next;
        waiting.next += 1;
        waiting.places.insert(number, sender);
        Place {
            number,
            doorstep: self.clone(),
            expelled,
        }
    }

    /// How many stand there.
    pub fn len(&self) -> usize {
        self.0.borrow().places.len()
    }

    /// Whether nobody does.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many had to go for others since the start.
    pub fn expelled(&self) -> u64 {
        self.0.borrow().expelled
    }
}

impl Place {
    /// Waits until it is needed for somebody else: the socket is to be closed then.
    pub async fn expelled(&mut self) {
        // Only an expulsion drops the sender while the place lives.
        let _ = (&mut self.expelled).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.doorstep.0.borrow_mut().places.remove(&self.number);
    }
}
