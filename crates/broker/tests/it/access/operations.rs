//! The same operations by the same limited user on our broker and on RabbitMQ: the same are allowed, and the others
//! refused with the same words.

use bergen_amqp::client::{
    Channel, ChannelCloseReason, Confirmed, ConnectOptions, Connection, Consume, Error,
    ExchangeBind, ExchangeDeclare, ExchangeDelete, ExchangeKind, Login, Publish, PublishError,
    QueueBind, QueueDeclare, QueueDelete,
};
use bergen_amqp::codec::{BasicProperties, FieldTable, FieldValue};
use bergen_broker::core::HostSettings;
use bergen_broker::{Access, Broker, PasswordHash, Permissions, User};
use bergen_testbed::TestVhost;

use super::{port, within};

/// Configure, write, read.
const LIMITED: [&str; 3] = [r"^c-|^amq\.gen", r"^w-|^cw-|^amq\.default$", "^r-|^cr-"];
const PASSWORD: &str = "s3cret";

#[tokio::test]
async fn the_same_is_refused_as_by_rabbitmq() {
    let vhost = TestVhost::new("access").await.unwrap();
    let rabbit = vhost.rabbit();
    let user = vhost.name().replace('/', "-");
    let management = vhost.management();
    management
        .create_user(&user, PASSWORD, vhost.name())
        .await
        .unwrap();
    management
        .set_permissions(&user, vhost.name(), LIMITED)
        .await
        .unwrap();

    let [configure, write, read] = LIMITED;
    let permissions = Permissions::new(configure, write, read).unwrap();
    let guest = User::new("guest", PasswordHash::new("guest")).full_access();
    let limited = User::new(&user, PasswordHash::new(PASSWORD)).permit(vhost.name(), permissions);
    let mut settings = HostSettings::default();
    settings.name = vhost.name().into();
    let broker = Broker::builder()
        .access(Access::new([guest, limited]).unwrap())
        .virtual_host(settings)
        .start()
        .await
        .unwrap();

    let place = |host: &str, port| ConnectOptions {
        host: host.to_owned(),
        port,
        virtual_host: vhost.name().to_owned(),
        ..ConnectOptions::default()
    };
    let theirs = outcomes(&place(rabbit.host(), rabbit.port()), &user).await;
    let ours = outcomes(&place("localhost", port(&broker)), &user).await;
    management.delete_user(&user).await.unwrap();
    let refused = theirs
        .iter()
        .filter(|(_, outcome)| outcome.contains("ACCESS_REFUSED"));
    assert!(refused.count() > 20, "{theirs:#?}");
    let allowed = theirs.iter().filter(|(_, outcome)| outcome == "done");
    assert!(allowed.count() > 10, "{theirs:#?}");
    let different = ours
        .iter()
        .zip(&theirs)
        .filter(|(ours, theirs)| ours != theirs);
    let different: Vec<_> = different.collect();
    assert!(different.is_empty(), "{different:#?}");
}

/// What became of each operation.
async fn outcomes(place: &ConnectOptions, user: &str) -> Vec<(&'static str, String)> {
    let (all, _events) = within(Box::pin(Connection::open(place.clone())))
        .await
        .unwrap();
    let (channel, _events) = within(all.open_channel()).await.unwrap();
    for prefix in ["c", "w", "r", "x", "cr", "cw"] {
        let queue = QueueDeclare::new(format!("{prefix}-q"));
        within(channel.queue_declare(queue)).await.unwrap();
        let exchange = ExchangeDeclare::new(format!("{prefix}-e"), ExchangeKind::Direct);
        within(channel.exchange_declare(exchange)).await.unwrap();
    }
    let limited = ConnectOptions {
        login: Login::plain(user, PASSWORD),
        ..place.clone()
    };
    let (limited, _events) = within(Box::pin(Connection::open(limited))).await.unwrap();
    let mut outcomes = Vec::new();
    for operation in OPERATIONS {
        let (channel, _events) = within(limited.open_channel()).await.unwrap();
        let outcome = within(perform(&channel, operation, user)).await;
        outcomes.push((operation, outcome));
    }
    outcomes
}

/// A verb and its names.
const OPERATIONS: [&str; 53] = [
    "queue.declare c-new",
    "queue.declare x-new",
    "queue.declare x-q",
    "queue.declare ",
    "queue.declare amq.own",
    "queue.passive x-q",
    "queue.passive x-none",
    "queue.dead-letter c-dlx w-e",
    "queue.dead-letter cr-dlx w-e",
    "queue.dead-letter c-q w-e",
    "queue.delete c-none",
    "queue.delete x-q",
    "queue.delete x-none",
    "queue.purge r-q",
    "queue.purge c-q",
    "queue.purge x-none",
    "queue.purge r-none",
    "queue.bind w-q r-e",
    "queue.bind x-q r-e",
    "queue.bind w-q x-e",
    "queue.bind x-q x-e",
    "queue.bind w-none r-e",
    "queue.bind w-q r-none",
    "queue.bind x-q ",
    "queue.bind w-q ",
    "queue.unbind w-q r-e",
    "queue.unbind x-q r-e",
    "queue.unbind w-q x-e",
    "exchange.declare c-new",
    "exchange.declare x-new",
    "exchange.declare x-e",
    "exchange.declare amq.own",
    "exchange.passive x-e",
    "exchange.alternate c-ae w-e",
    "exchange.alternate c-e w-e",
    "exchange.delete c-new",
    "exchange.delete x-e",
    "exchange.delete x-none",
    "exchange.delete amq.direct",
    "exchange.bind w-e r-e",
    "exchange.bind x-e r-e",
    "exchange.bind w-e x-e",
    "exchange.unbind x-e r-e",
    "exchange.unbind w-e r-e",
    "basic.publish w-e",
    "basic.publish x-e",
    "basic.publish ",
    "basic.publish x-none",
    "basic.publish-as w-e guest",
    "basic.publish-as w-e SELF",
    "basic.get r-q",
    "basic.get x-q",
    "basic.consume x-q",
];

async fn perform(channel: &Channel, operation: &str, user: &str) -> String {
    let mut words = operation.splitn(3, ' ');
    let mut word = || words.next().unwrap_or_default().to_owned();
    let (verb, name, other) = (word(), word(), word());
    let argument = |key: &'static str| FieldTable::new().with(key, FieldValue::from(other.clone()));
    let exchange = || ExchangeDeclare::new(name.clone(), ExchangeKind::Direct);
    let done = match verb.as_str() {
        "queue.declare" => channel
            .queue_declare(QueueDeclare::new(name))
            .await
            .map(drop),
        "queue.passive" => channel
            .queue_declare(QueueDeclare::passive(name))
            .await
            .map(drop),
        "queue.dead-letter" => {
            let declare = QueueDeclare {
                arguments: argument("x-dead-letter-exchange"),
                ..QueueDeclare::new(name)
            };
            channel.queue_declare(declare).await.map(drop)
        }
        "queue.delete" => channel.queue_delete(QueueDelete::new(name)).await.map(drop),
        "queue.purge" => channel.queue_purge(&name).await.map(drop),
        "queue.bind" => channel.queue_bind(QueueBind::new(name, other, "key")).await,
        "queue.unbind" => {
            channel
                .queue_unbind(QueueBind::new(name, other, "key"))
                .await
        }
        "exchange.declare" => channel.exchange_declare(exchange()).await,
        "exchange.passive" => {
            let declare = ExchangeDeclare {
                passive: true,
                ..exchange()
            };
            channel.exchange_declare(declare).await
        }
        "exchange.alternate" => {
            let declare = ExchangeDeclare {
                arguments: argument("alternate-exchange"),
                ..exchange()
            };
            channel.exchange_declare(declare).await
        }
        "exchange.delete" => channel.exchange_delete(ExchangeDelete::new(name)).await,
        "exchange.bind" => {
            channel
                .exchange_bind(ExchangeBind::new(name, other, "key"))
                .await
        }
        "exchange.unbind" => {
            channel
                .exchange_unbind(ExchangeBind::new(name, other, "key"))
                .await
        }
        "basic.publish" => return publish(channel, &name, None).await,
        "basic.publish-as" => {
            let claimed = if other == "SELF" { user } else { &other };
            return publish(channel, &name, Some(claimed.to_owned())).await;
        }
        "basic.get" => channel.get(&name, true).await.map(drop),
        "basic.consume" => channel
            .consume_stream(Consume::new(name), 1)
            .await
            .map(drop),
        other => panic!("{other}"),
    };
    match done {
        Ok(()) => "done".to_owned(),
        Err(Error::ChannelClosed(ChannelCloseReason::ByServer { text, .. })) => text,
        Err(error) => panic!("{operation}: {error}"),
    }
}

async fn publish(channel: &Channel, exchange: &str, user_id: Option<String>) -> String {
    channel.confirm_select().await.unwrap();
    let properties = BasicProperties {
        user_id: user_id.map(Into::into),
        ..BasicProperties::default()
    };
    let publish = Publish::new(exchange, "key", "x").with_properties(properties);
    match channel.publish(publish).await.unwrap().await {
        Ok(Confirmed::Ack) => "done".to_owned(),
        Err(PublishError::ChannelClosed(ChannelCloseReason::ByServer { text, .. })) => text,
        other => panic!("{other:?}"),
    }
}
