//! Endpoints by `#[notifications]`, on a bus inside the process.

use std::io;
use std::time::Duration;

use bergen::notifications;
use bergen::notify::{
    Filter, Handled, ListenTarget, NotificationListener, Notifier, ReceivedEvent,
};
use bergen::transport::{NotificationTransport, TransportOptions};
use bergen::wire::Context;
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
