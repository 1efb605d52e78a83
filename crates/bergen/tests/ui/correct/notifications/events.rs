//! Events by their types, alone and beside whole priorities.

use std::convert::Infallible;

use bergen::notifications;
use bergen::notify::{EventType, Handled, NotificationEndpoint, Priority, ReceivedEvent};

mod events {
    use super::{EventType, Priority};

    pub const CREATED: EventType<String> = EventType::new("instance.create.end", Priority::Info);
    pub const TEMPERATURE: EventType<f64> = EventType::new("temperature", Priority::Sample);
}

struct Inventory;

#[notifications]
impl Inventory {
    #[event(events::CREATED)]
    async fn created(&self, event: &ReceivedEvent, id: String) -> Result<Handled, Infallible> {
        println!("{event:?} {id}");
        Ok(Handled::Done)
    }

    #[event(events::TEMPERATURE)]
    async fn temperature(&self, _: &ReceivedEvent, celsius: f64) -> Result<(), std::io::Error> {
        println!("{celsius}");
        Ok(())
    }
}

struct Log;

#[notifications]
impl Log {
    #[event(events::CREATED)]
    async fn created(&self, _: &ReceivedEvent, _: String) -> Result<(), std::fmt::Error> {
        Ok(())
    }

    async fn error(&self, _: &ReceivedEvent) -> Result<(), std::fmt::Error> {
        Ok(())
    }
}

fn main() {
    assert_eq!(Inventory.priorities(), [Priority::Info, Priority::Sample]);
    assert_eq!(Log.priorities(), [Priority::Error, Priority::Info]);
}
