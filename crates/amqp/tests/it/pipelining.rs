//! Requests that do not wait for each other, against RabbitMQ.

use std::time::Duration;

use bergen_amqp::client::{
    ConnectOptions, Connection, Consume, Delivery, DeliverySink, Disposition, Login, QueueDeclare,
};
use bergen_testbed::TestVhost;
use tokio::time::timeout;

struct Acknowledge;

impl DeliverySink for Acknowledge {
    fn deliver(&mut self, _: Delivery) -> Disposition {
        Disposition::Ack
    }
}

#[tokio::test]
async fn consumes_and_cancels_need_not_be_waited_for_before_the_next_request() {
    let vhost = TestVhost::new("pipelining").await.unwrap();
    let rabbit = vhost.rabbit();
    let options = ConnectOptions {
        host: rabbit.host().to_owned(),
        port: rabbit.port(),
        virtual_host: vhost.name().to_owned(),
        login: Login::plain(rabbit.user(), rabbit.password()),
        ..ConnectOptions::default()
    };
    let (connection, _events) = Connection::open(options).await.unwrap();
    let (channel, _channel_events) = connection.open_channel().await.unwrap();
    channel.queue_declare(QueueDeclare::new("q")).await.unwrap();

    let rounds = async {
        for round in 0..200 {
            let tag = format!("tag-{round}");
            let consume = Consume {
                consumer_tag: tag.clone(),
                ..Consume::new("q")
            };
            let consuming = channel.consume(consume, Box::new(Acknowledge));
            let behind_consume = channel.queue_declare(QueueDeclare::passive("q"));
            let cancelling = channel.cancel(&tag);
            let behind_cancel = channel.queue_declare(QueueDeclare::passive("q"));
            assert_eq!(consuming.await.unwrap(), tag);
            assert_eq!(behind_consume.await.unwrap().consumer_count, 1);
            cancelling.await.unwrap();
            assert_eq!(behind_cancel.await.unwrap().consumer_count, 0);
        }
    };
    timeout(Duration::from_secs(30), rounds).await.unwrap();
    connection.close().await.unwrap();
}
