use std::io;

use bergen::notifications;
use bergen::notify::{EventType, Priority, ReceivedEvent};

const CREATED: EventType<String> = EventType::new("instance.create.end", Priority::Info);

struct Inventory;

#[notifications]
impl Inventory {
    #[event(CREATED)]
    async fn created(&self, _: &ReceivedEvent, _: u32) -> Result<(), io::Error> {
        Ok(())
    }
}

fn main() {}
