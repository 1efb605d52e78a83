//! `bunny-rs`.

use std::sync::Arc;

use bergen_bench::BenchError;
use bunny_rs::{
    BasicProperties, Channel, Connection, ConnectionOptions, PublishOptions, QueueDeclareOptions,
};
use tokio::sync::Mutex;

use crate::echo::{Client, Handler, Incoming, Outgoing};

pub(crate) const REMARK: &str = "publishing needs the channel exclusively: concurrent callers queue \
    up at a mutex";

#[derive(Clone)]
pub(crate) struct Bunny {
    publishing: Arc<Mutex<Channel>>,
    connection: Arc<Connection>,
}

impl Client for Bunny {
    const NAME: &'static str = "bunny-rs";

    async fn connect(port: u16) -> Result<Self, BenchError> {
        let options = ConnectionOptions {
            host: "127.0.0.1".to_owned(),
            port,
            ..ConnectionOptions::default()
        };
        let connection = Connection::open(options).await.map_err(failed)?;
        let mut publishing = connection.open_channel().await.map_err(failed)?;
        publishing.confirm_select().await.map_err(failed)?;
        Ok(Self {
            publishing: Arc::new(Mutex::new(publishing)),
            connection: Arc::new(connection),
        })
    }

    async fn publish(&self, message: Outgoing) -> Result<(), BenchError> {
        let mut properties = BasicProperties::default().correlation_id(message.correlation_id);
        if let Some(queue) = &message.reply_to {
            properties = properties.reply_to(queue.as_ref());
        }
        let options = PublishOptions {
            mandatory: message.mandatory,
            properties,
        };
        let confirm = {
            let mut channel = self.publishing.lock().await;
            let published = channel.basic_publish("", &message.queue, &options, &message.body);
            published.await.map_err(failed)?
        };
        let confirm = confirm.ok_or_else(|| failed("there is no confirm"))?;
        confirm.wait().await.map_err(failed)
    }

    async fn consume(&self, queue: &str, handler: Handler) -> Result<(), BenchError> {
        let mut channel = self.connection.open_channel().await.map_err(failed)?;
        let mut declare = QueueDeclareOptions::default();
        declare.auto_delete = true;
        channel
            .queue_declare(queue, declare)
            .await
            .map_err(failed)?;
        channel
            .consume_with_manual_acks(queue, "")
            .await
            .map_err(failed)?;
        tokio::spawn(async move {
            while let Ok(Some(delivery)) = channel.recv_delivery().await {
                handler(Incoming {
                    correlation_id: delivery.correlation_id().unwrap_or_default(),
                    reply_to: delivery.reply_to().unwrap_or_default(),
                    body: delivery.body.clone(),
                });
                if let Err(error) = channel.ack(delivery.delivery_tag).await {
                    eprintln!("bunny-rs: {error}");
                    return;
                }
            }
        });
        Ok(())
    }
}

fn failed(error: impl std::fmt::Display) -> BenchError {
    BenchError::client(Bunny::NAME)(error)
}
