//! `lapin`.

use std::sync::Arc;

use bergen_bench::BenchError;
use bytes::Bytes;
use lapin::message::DeliveryResult;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions,
    QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};

use crate::echo::{Client, Handler, Incoming, Outgoing};

pub(crate) const REMARK: &str = "a thread of its own for each connection; a task for each delivery, \
    which acknowledges it";

#[derive(Clone)]
pub(crate) struct Lapin {
    publishing: Channel,
    consuming: Channel,
    _connection: Arc<Connection>,
}

impl Client for Lapin {
    const NAME: &'static str = "lapin";

    async fn connect(port: u16) -> Result<Self, BenchError> {
        let uri = format!("amqp://guest:guest@127.0.0.1:{port}/%2f");
        let connection = Connection::connect(&uri, ConnectionProperties::default())
            .await
            .map_err(failed)?;
        let publishing = connection.create_channel().await.map_err(failed)?;
        let consuming = connection.create_channel().await.map_err(failed)?;
        publishing
            .confirm_select(ConfirmSelectOptions::default())
            .await
            .map_err(failed)?;
        Ok(Self {
            publishing,
            consuming,
            _connection: Arc::new(connection),
        })
    }

    async fn publish(&self, message: Outgoing) -> Result<(), BenchError> {
        let mut properties =
            BasicProperties::default().with_correlation_id(message.correlation_id.into());
        if let Some(queue) = message.reply_to {
            properties = properties.with_reply_to(queue.as_ref().into());
        }
        let options = BasicPublishOptions {
            mandatory: message.mandatory,
            ..BasicPublishOptions::default()
        };
        let confirm = self
            .publishing
            .basic_publish(
                "".into(),
                message.queue.as_ref().into(),
                options,
                &message.body,
                properties,
            )
            .await
            .map_err(failed)?;
        let confirmation = confirm.await.map_err(failed)?;
        if confirmation.is_ack() && confirmation.take_message().is_none() {
            Ok(())
        } else {
            Err(failed("refused or returned"))
        }
    }

    async fn consume(&self, queue: &str, handler: Handler) -> Result<(), BenchError> {
        let options = QueueDeclareOptions {
            auto_delete: true,
            ..QueueDeclareOptions::default()
        };
        let declared = self
            .consuming
            .queue_declare(queue.into(), options, FieldTable::default());
        declared.await.map_err(failed)?;
        let consumer = self.consuming.basic_consume(
            queue.into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        consumer
            .await
            .map_err(failed)?
            .set_delegate(move |delivery: DeliveryResult| {
                let handler = Arc::clone(&handler);
                async move {
                    let Ok(Some(mut delivery)) = delivery else {
                        return;
                    };
                    let body = Bytes::from(std::mem::take(&mut delivery.data));
                    let text = |text: &Option<lapin::types::ShortString>| {
                        text.as_ref()
                            .map(|text| text.as_str().to_owned())
                            .unwrap_or_default()
                    };
                    let correlation_id = text(delivery.properties.correlation_id());
                    let reply_to = text(delivery.properties.reply_to());
                    handler(Incoming {
                        correlation_id: &correlation_id,
                        reply_to: &reply_to,
                        body,
                    });
                    if let Err(error) = delivery.ack(BasicAckOptions::default()).await {
                        eprintln!("lapin: {error}");
                    }
                }
            });
        Ok(())
    }
}

fn failed(error: impl std::fmt::Display) -> BenchError {
    BenchError::client(Lapin::NAME)(error)
}
