//! `amqp-client`.

use std::sync::Arc;

use amqp_client::{
    BasicProperties, Channel, Confirmation, Connection, ConsumeOpts, QueueDeclareOpts, ShortStr,
};
use bergen_bench::BenchError;

use crate::echo::{Client, Handler, Incoming, Outgoing};

pub(crate) const REMARK: &str = "a returned message is told apart from a confirmed one only in a \
    queue of returns, which nobody reads here";

#[derive(Clone)]
pub(crate) struct AmqpClient {
    publishing: Arc<Channel>,
    consuming: Arc<Channel>,
    _connection: Arc<Connection>,
}

impl Client for AmqpClient {
    const NAME: &'static str = "amqp-client";

    async fn connect(port: u16) -> Result<Self, BenchError> {
        let uri = format!("amqp://guest:guest@127.0.0.1:{port}/%2f");
        let connection = Connection::connect(&uri).await.map_err(failed)?;
        let publishing = connection.open_channel().await.map_err(failed)?;
        publishing.confirm_select().await.map_err(failed)?;
        let consuming = connection.open_channel().await.map_err(failed)?;
        Ok(Self {
            publishing: Arc::new(publishing),
            consuming: Arc::new(consuming),
            _connection: Arc::new(connection),
        })
    }

    async fn publish(&self, message: Outgoing) -> Result<(), BenchError> {
        let mut properties = BasicProperties::builder().correlation_id(&message.correlation_id);
        if let Some(queue) = &message.reply_to {
            properties = properties.reply_to(queue);
        }
        let properties = properties.build().map_err(failed)?;
        let published = self.publishing.basic_publish_confirmed(
            "",
            &message.queue,
            message.body,
            properties,
            message.mandatory,
        );
        match published.await.map_err(failed)?.await.map_err(failed)? {
            Confirmation::Acked => Ok(()),
            refused @ Confirmation::Nacked { .. } => Err(failed(format!("{refused:?}"))),
        }
    }

    async fn consume(&self, queue: &str, handler: Handler) -> Result<(), BenchError> {
        let declare = QueueDeclareOpts {
            auto_delete: true,
            ..QueueDeclareOpts::default()
        };
        self.consuming
            .queue_declare(queue, declare)
            .await
            .map_err(failed)?;
        let consumer = self
            .consuming
            .basic_consume(queue, "", ConsumeOpts::default());
        let mut consumer = consumer.await.map_err(failed)?;
        tokio::spawn(async move {
            while let Some(delivery) = consumer.next().await {
                let properties = &delivery.properties;
                handler(Incoming {
                    correlation_id: text(properties.correlation_id.as_ref()),
                    reply_to: text(properties.reply_to.as_ref()),
                    body: delivery.body.clone(),
                });
                if let Err(error) = delivery.ack() {
                    eprintln!("amqp-client: {error}");
                    return;
                }
            }
        });
        Ok(())
    }
}

/// A property, or nothing.
fn text(property: Option<&ShortStr>) -> &str {
    property
        .and_then(|text| text.as_str().ok())
        .unwrap_or_default()
}

fn failed(error: impl std::fmt::Display) -> BenchError {
    BenchError::client(AmqpClient::NAME)(error)
}
