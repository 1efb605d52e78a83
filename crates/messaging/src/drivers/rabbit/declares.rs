//! What publishers declare before they publish, once per connection.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use bergen_amqp::client::Error;

use super::declare::Declarer;
use super::supervisor::Epoch;
use super::topology::{Binding, Exchange};

/// Declares on a channel of its own, so that a refusal discards nobody's publish, and one at a time, so that a refusal
/// is known to be about this entity.
#[derive(Debug, Default)]
pub(super) struct Declares {
    known: Mutex<Known>,
    declarer: tokio::sync::Mutex<Option<Declarer>>,
}

/// What has been declared on one connection.
#[derive(Debug, Default)]
struct Known {
    epoch: u64,
    entities: HashSet<String>,
}

/// What must exist before a publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Needs {
    /// Nothing: the default exchange always exists.
    Nothing,
    /// The exchange.
    Exchange(Exchange),
    /// Exchange, queue and binding: what is published is kept even if nobody ever consumed it.
    Binding(Binding),
}

impl Declares {
    /// Names remembered per connection. Beyond them the memory starts anew, which costs a declare each.
    const CAPACITY: usize = 4096;

    /// Makes sure that what a publish needs was declared on this connection.
    pub(super) async fn ensure(&self, epoch: &Arc<Epoch>, needs: &Needs) -> Result<(), Error> {
        if *needs == Needs::Nothing || self.knows(epoch, needs) {
            return Ok(());
        }
        Box::pin(self.declare(epoch, needs)).await
    }

    async fn declare(&self, epoch: &Arc<Epoch>, needs: &Needs) -> Result<(), Error> {
        let mut slot = self.declarer.lock().await;
        if self.knows(epoch, needs) {
            return Ok(());
        }
        // While this future is suspended the slot is empty: dropped half-way, it leaves no half-used channel behind.
        let mut declarer = match slot.take() {
            Some(declarer) if declarer.epoch().number == epoch.number => declarer,
            _ => Declarer::open(Arc::clone(epoch), 0).await?,
        };
        let outcome = match needs {
            Needs::Nothing => Ok(()),
            Needs::Exchange(exchange) => declarer.exchange(exchange).await.map(drop),
            Needs::Binding(binding) => declarer.binding(binding).await,
        };
        *slot = Some(declarer);
        outcome?;
        self.remember(epoch, needs);
        Ok(())
    }

    /// Something that was declared is gone: everything is declared anew before its next use.
    pub(super) fn forget(&self) {
        self.lock().entities.clear();
    }

    fn knows(&self, epoch: &Epoch, needs: &Needs) -> bool {
        let known = self.lock();
        known.epoch == epoch.number
            && match needs {
                Needs::Nothing => true,
                Needs::Exchange(exchange) => known.entities.contains(&*exchange.name),
                Needs::Binding(binding) => known.entities.contains(&binding_key(binding)),
            }
    }

    fn remember(&self, epoch: &Epoch, needs: &Needs) {
        let name = match needs {
            Needs::Nothing => return,
            Needs::Exchange(exchange) => exchange.name.to_string(),
            Needs::Binding(binding) => binding_key(binding),
        };
        let mut known = self.lock();
        if known.epoch != epoch.number || known.entities.len() == Self::CAPACITY {
            *known = Known {
                epoch: epoch.number,
                entities: HashSet::new(),
            };
        }
        known.entities.insert(name);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One text for a binding; a NUL keeps it apart from every exchange name.
fn binding_key(binding: &Binding) -> String {
    let exchange = binding
        .exchange
        .as_ref()
        .map_or("", |exchange| &exchange.name);
    format!("{exchange}\0{}\0{}", binding.queue.name, binding.key)
}
