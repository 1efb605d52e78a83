//! `amqprs`.

use std::sync::Arc;

use amqprs::callbacks::ChannelCallback;
use amqprs::channel::{
    BasicAckArguments, BasicConsumeArguments, BasicPublishArguments, Channel,
    ConfirmSelectArguments, QueueDeclareArguments,
};
use amqprs::connection::{Connection, OpenConnectionArguments};
use amqprs::{Ack, BasicProperties, Cancel, CloseChannel, Nack, Return};
use async_trait::async_trait;
use bergen_bench::BenchError;
use bytes::Bytes;

use crate::echo::{Client, Handler, Incoming, Outgoing};

pub(crate) const REMARK: &str = "confirms are requested, but come by callback and cannot be awaited \
    for one publish: calls wait for replies only";

#[derive(Clone)]
pub(crate) struct Amqprs {
    publishing: Channel,
    consuming: Channel,
    _connection: Arc<Connection>,
}

impl Client for Amqprs {
    const NAME: &'static str = "amqprs";

    async fn connect(port: u16) -> Result<Self, BenchError> {
        let arguments = OpenConnectionArguments::new("127.0.0.1", port, "guest", "guest");
        let connection = Connection::open(&arguments).await.map_err(failed)?;
        let publishing = connection.open_channel(None).await.map_err(failed)?;
        publishing
            .register_callback(Confirms)
            .await
            .map_err(failed)?;
        publishing
            .confirm_select(ConfirmSelectArguments::new(false))
            .await
            .map_err(failed)?;
        let consuming = connection.open_channel(None).await.map_err(failed)?;
        Ok(Self {
            publishing,
            consuming,
            _connection: Arc::new(connection),
        })
    }

    async fn publish(&self, message: Outgoing) -> Result<(), BenchError> {
        let mut properties = BasicProperties::default();
        properties.with_correlation_id(&message.correlation_id);
        if let Some(queue) = &message.reply_to {
            properties.with_reply_to(queue);
        }
        let mut arguments = BasicPublishArguments::new("", &message.queue);
        arguments.mandatory = message.mandatory;
        let published = self
            .publishing
            .basic_publish(properties, message.body.into(), arguments);
        published.await.map_err(failed)
    }

    async fn consume(&self, queue: &str, handler: Handler) -> Result<(), BenchError> {
        let declare = QueueDeclareArguments::transient_autodelete(queue);
        self.consuming
            .queue_declare(declare)
            .await
            .map_err(failed)?;
        let consume = BasicConsumeArguments::new(queue, "");
        let (_, mut deliveries) = self
            .consuming
            .basic_consume_rx(consume)
            .await
            .map_err(failed)?;
        let channel = self.consuming.clone();
        tokio::spawn(async move {
            while let Some(message) = deliveries.recv().await {
                let (Some(deliver), Some(properties)) = (message.deliver, message.basic_properties)
                else {
                    continue;
                };
                let text = |text: Option<&String>| text.cloned().unwrap_or_default();
                handler(Incoming {
                    correlation_id: &text(properties.correlation_id()),
                    reply_to: &text(properties.reply_to()),
                    body: Bytes::from(message.content.unwrap_or_default()),
                });
                let ack = BasicAckArguments::new(deliver.delivery_tag(), false);
                if let Err(error) = channel.basic_ack(ack).await {
                    eprintln!("amqprs: {error}");
                    return;
                }
            }
        });
        Ok(())
    }
}

/// Takes the confirms. Nothing says which publish got which number.
struct Confirms;

#[async_trait]
impl ChannelCallback for Confirms {
    async fn close(
        &mut self,
        _: &Channel,
        close: CloseChannel,
    ) -> Result<(), amqprs::error::Error> {
        eprintln!("amqprs: {close}");
        Ok(())
    }

    async fn cancel(&mut self, _: &Channel, _: Cancel) -> Result<(), amqprs::error::Error> {
        Ok(())
    }

    async fn flow(&mut self, _: &Channel, active: bool) -> Result<bool, amqprs::error::Error> {
        Ok(active)
    }

    async fn publish_ack(&mut self, _: &Channel, _: Ack) {}

    async fn publish_nack(&mut self, _: &Channel, nack: Nack) {
        eprintln!("amqprs: {} was refused", nack.delivery_tag());
    }

    async fn publish_return(
        &mut self,
        _: &Channel,
        returned: Return,
        _: BasicProperties,
        _: Vec<u8>,
    ) {
        eprintln!("amqprs: {returned}");
    }
}

fn failed(error: impl std::fmt::Display) -> BenchError {
    BenchError::client(Amqprs::NAME)(error)
}
