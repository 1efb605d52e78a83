//! Endpoints by `#[notifications]`, on a bus inside the process.

use std::io;
use std::time::Duration;

use bergen::notifications;
use bergen::notify::{
    EventType, Filter, Handled, ListenTarget, NotificationListener, Notifier, OutboxOptions,
    Poison, Priority, ReceivedEvent,
};
use bergen::transport::{NotificationTransport, TransportOptions};
use bergen::wire::Context;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

struct Meter<T> {
    filter: Filter,
    told: mpsc::UnboundedSender<T>,
}

#[notifications]
impl<T: From<String> + Send + 'static> Meter<T> {
    async fn info(&self, event: &ReceivedEvent) -> Result<(), io::Error> {
        self.tell("info", event);
        Ok(())
    }

    async fn error(&self, event: &ReceivedEvent) -> Result<Handled, std::fmt::Error> {
        self.tell("error", event);
        Ok(if event.redelivered() {
            Handled::Done
        } else {
            Handled::Requeue
        })
    }

    fn filter(&self) -> &Filter {
        &self.filter
    }

    fn tell(&self, method: &str, event: &ReceivedEvent) {
        let told = format!("{method} {}", event.notification().event_type);
        self.told.send(told.into()).unwrap();
    }
}

#[tokio::test]
async fn each_priority_has_its_method_and_no_other_is_listened_for() {
    let options = TransportOptions::default().url("memory://macro-notifications".parse().unwrap());
    let transport = NotificationTransport::new(options).unwrap();
    let (told, mut hear) = mpsc::unbounded_channel::<String>();
    let filter = Filter::default().event_type(r"compute\.").unwrap();
    let listener = NotificationListener::builder(&transport, [ListenTarget::new("notifications")])
        .endpoint(Meter { filter, told })
        .allow_requeue()
        .limit(1)
        .start()
        .await
        .unwrap();
    let notifier = Notifier::new(&transport, "compute.host-1");
    let context = Context::default();
    notifier
        .warn(&context, "compute.unheard", &())
        .await
        .unwrap();
    notifier.info(&context, "volume.create", &()).await.unwrap();
    notifier
        .info(&context, "compute.create", &())
        .await
        .unwrap();
    let mut next = async || {
        let told = tokio::time::timeout(Duration::from_secs(10), hear.recv()).await;
        told.unwrap().unwrap()
    };
    assert_eq!(next().await, "info compute.create");
    notifier.error(&context, "compute.fail", &()).await.unwrap();
    assert_eq!(next().await, "error compute.fail");
    assert_eq!(next().await, "error compute.fail", "requeued");
    listener.stop();
    listener.wait().await.unwrap();
    let stats = listener.stats();
    assert_eq!((stats.handled, stats.unwanted, stats.requeued), (2, 1, 1));
}

#[derive(Debug, Serialize, Deserialize)]
struct InstanceCreated {
    instance_id: String,
}

const INSTANCE_CREATE_END: EventType<InstanceCreated> =
    EventType::new("compute.instance.create.end", Priority::Info);
const INSTANCE_DELETE_END: EventType<InstanceCreated> =
    EventType::new("compute.instance.delete.end", Priority::Info);

struct Inventory(mpsc::UnboundedSender<String>);

#[notifications]
impl Inventory {
    #[event(INSTANCE_CREATE_END)]
    async fn created(
        &self,
        event: &ReceivedEvent,
        payload: InstanceCreated,
    ) -> Result<(), io::Error> {
        let priority = event.priority();
        self.0
            .send(format!("{priority} {}", payload.instance_id))
            .unwrap();
        Ok(())
    }

    async fn error(&self, event: &ReceivedEvent) -> Result<(), io::Error> {
        let event_type = &event.notification().event_type;
        self.0.send(format!("error {event_type}")).unwrap();
        Ok(())
    }
}

#[tokio::test]
async fn an_event_goes_to_the_method_of_its_type_with_its_payload() {
    let options = TransportOptions::default().url("memory://macro-events".parse().unwrap());
    let transport = NotificationTransport::new(options).unwrap();
    let (told, mut hear) = mpsc::unbounded_channel::<String>();
    let poison = Poison::dropped().attempts(2).pause(Duration::ZERO);
    let listener = NotificationListener::builder(&transport, [ListenTarget::new("notifications")])
        .endpoint(Inventory(told))
        .poison(poison)
        .limit(1)
        .start()
        .await
        .unwrap();
    let notifier = Notifier::new(&transport, "compute.host-1");
    let outbox = notifier.outbox(OutboxOptions::default());
    let context = Context::default();
    let payload = InstanceCreated {
        instance_id: "i-1".to_owned(),
    };
    notifier
        .emit(&context, &INSTANCE_DELETE_END, &payload)
        .await
        .unwrap();
    let name = INSTANCE_CREATE_END.name();
    notifier.info(&context, name, "no object").await.unwrap();
    // Of the same name, but for the method of its priority.
    notifier.error(&context, name, &payload).await.unwrap();
    outbox
        .emit(&context, &INSTANCE_CREATE_END, &payload)
        .unwrap();
    let mut next = async || {
        let told = tokio::time::timeout(Duration::from_secs(10), hear.recv()).await;
        told.unwrap().unwrap()
    };
    let mut told = [next().await, next().await];
    told.sort();
    assert_eq!(told, ["error compute.instance.create.end", "info i-1"]);
    listener.stop();
    listener.wait().await.unwrap();
    let stats = listener.stats();
    assert_eq!((stats.handled, stats.unwanted), (2, 1));
    assert_eq!((stats.failures, stats.dropped), (2, 1));
}
