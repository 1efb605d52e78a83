#![allow(unused_variables)]

use std::io;

use bergen::notifications;
use bergen::notify::{EventType, Priority, ReceivedEvent};

const CREATED: EventType<String> = EventType::new("instance.create.end", Priority::Info);

struct Inventory;

#[notifications]
impl Inventory {
    #[event]
    async fn untyped(&self, event: &ReceivedEvent, payload: String) -> Result<(), io::Error> {
        Ok(())
    }

    #[event(CREATED)]
    fn created(&self, payload: String) -> Result<(), io::Error> {
        Ok(())
    }

    #[event(CREATED)]
    async fn info(&self, event: &ReceivedEvent, payload: String) -> Result<(), io::Error> {
        Ok(())
    }
}

fn main() {}
