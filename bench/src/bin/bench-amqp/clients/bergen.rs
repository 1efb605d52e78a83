//! Ours: `bergen-amqp`.

use bergen_amqp::client::{
    Channel, ConnectOptions, Connection, Consume, Delivery, DeliverySink, Disposition, Publish,
    QueueDeclare,
};
use bergen_amqp::codec::BasicProperties;
use bergen_bench::BenchError;

use crate::echo::{Client, Handler, Incoming, Outgoing};

#[derive(Clone)]
pub(crate) struct Bergen {
    publishing: Channel,
    consuming: Channel,
}

impl Client for Bergen {
    const NAME: &'static str = "bergen-amqp";

    async fn connect(port: u16) -> Result<Self, BenchError> {
        let options = ConnectOptions {
            host: "127.0.0.1".to_owned(),
            port,
            ..ConnectOptions::default()
        };
        let (connection, _) = Connection::open(options).await.map_err(failed)?;
        let (publishing, _) = connection.open_channel().await.map_err(failed)?;
        let (consuming, _) = connection.open_channel().await.map_err(failed)?;
        publishing.confirm_select().await.map_err(failed)?;
        Ok(Self {
            publishing,
            consuming,
        })
    }

    async fn publish(&self, message: Outgoing) -> Result<(), BenchError> {
        let publish = Publish {
            exchange: "".into(),
            routing_key: message.queue,
            mandatory: message.mandatory,
            properties: BasicProperties {
                correlation_id: Some(message.correlation_id.into()),
                reply_to: message
                    .reply_to
                    .map(|queue| queue.as_ref().to_owned().into()),
                ..BasicProperties::default()
            },
            body: message.body,
        };
        let confirmation = self.publishing.publish(publish).await.map_err(failed)?;
        let confirmed = confirmation.await.map_err(failed)?;
        if confirmed.is_ack() {
            Ok(())
        } else {
            Err(failed(format!("{confirmed:?}")))
        }
    }

    async fn consume(&self, queue: &str, handler: Handler) -> Result<(), BenchError> {
        let declare = QueueDeclare {
            auto_delete: true,
            ..QueueDeclare::new(queue)
        };
        self.consuming
            .queue_declare(declare)
            .await
            .map_err(failed)?;
        let sink = Box::new(Sink(handler));
        self.consuming
            .consume(Consume::new(queue), sink)
            .await
            .map_err(failed)?;
        Ok(())
    }
}

struct Sink(Handler);

impl DeliverySink for Sink {
    fn deliver(&mut self, delivery: Delivery) -> Disposition {
        let properties = &delivery.properties;
        (self.0)(Incoming {
            correlation_id: properties.correlation_id.as_deref().unwrap_or_default(),
            reply_to: properties.reply_to.as_deref().unwrap_or_default(),
            body: delivery.body.clone(),
        });
        Disposition::Ack
    }
}

fn failed(error: impl std::fmt::Display) -> BenchError {
    BenchError::client(Bergen::NAME)(error)
}
