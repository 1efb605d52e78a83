//! The load itself, written once for all clients: echo calls, matched by correlation id.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bergen_bench::BenchError;
use bergen_bench::load;
use bergen_bench::worker::Conversation;
use bytes::Bytes;
use clap::ValueEnum;
use tokio::sync::oneshot;

/// What the load needs of a client.
pub(crate) trait Client: Clone + Send + Sync + 'static {
    /// The name it is measured under.
    const NAME: &'static str;

    /// Connects to a broker on the loopback interface and opens its channels; publishes will be
    /// confirmed.
    fn connect(port: u16) -> impl Future<Output = Result<Self, BenchError>> + Send;

    /// Publishes to the default exchange and waits for the confirm, if the client can tell it.
    fn publish(&self, message: Outgoing) -> impl Future<Output = Result<(), BenchError>> + Send;

    /// Declares a queue and gives each of its messages to the handler, acknowledged.
    fn consume(
        &self,
        queue: &str,
        handler: Handler,
    ) -> impl Future<Output = Result<(), BenchError>> + Send;
}

/// A message to publish.
pub(crate) struct Outgoing {
    pub(crate) queue: Arc<str>,
    pub(crate) correlation_id: String,
    pub(crate) reply_to: Option<Arc<str>>,
    pub(crate) mandatory: bool,
    pub(crate) body: Bytes,
}

/// A message delivered.
pub(crate) struct Incoming<'a> {
    pub(crate) correlation_id: &'a str,
    pub(crate) reply_to: &'a str,
    pub(crate) body: Bytes,
}

/// Takes deliveries. It never blocks.
pub(crate) type Handler = Arc<dyn Fn(Incoming<'_>) + Send + Sync>;

/// Which of the two processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Side {
    Client,
    Server,
}

/// Is one process of a benchmark, until told to leave.
pub(crate) async fn work<C: Client>(side: Side, port: u16) -> Result<(), BenchError> {
    let client = C::connect(port).await?;
    let requests: Arc<str> = format!("{}.requests", C::NAME).into();
    match side {
        Side::Server => serve(client, &requests).await,
        Side::Client => call(client, requests).await,
    }
}

async fn serve<C: Client>(client: C, requests: &str) -> Result<(), BenchError> {
    let server = client.clone();
    let handler = move |request: Incoming<'_>| {
        let reply = Outgoing {
            queue: request.reply_to.into(),
            correlation_id: request.correlation_id.to_owned(),
            reply_to: None,
            mandatory: true,
            body: request.body,
        };
        let server = server.clone();
        // A task for each request, as an RPC server has.
        tokio::spawn(async move {
            if let Err(error) = server.publish(reply).await {
                eprintln!("a reply was lost: {error}");
            }
        });
    };
    client.consume(requests, Arc::new(handler)).await?;
    Conversation::open()?.end().await;
    Ok(())
}

async fn call<C: Client>(client: C, requests: Arc<str>) -> Result<(), BenchError> {
    let replies: Arc<str> = format!("{}.replies", C::NAME).into();
    let caller = Arc::new(Caller {
        client,
        requests,
        replies,
        waiters: Waiters::default(),
    });
    let answered = Arc::clone(&caller);
    let handler =
        move |reply: Incoming<'_>| answered.waiters.answer(reply.correlation_id, reply.body);
    caller
        .client
        .consume(&caller.replies, Arc::new(handler))
        .await?;
    let mut conversation = Conversation::open()?;
    while let Some(order) = conversation.order().await? {
        let body = Bytes::from(vec![b'x'; order.bytes]);
        let caller = Arc::clone(&caller);
        let call = move || {
            let (caller, body) = (Arc::clone(&caller), body.clone());
            async move { caller.call(body).await }
        };
        let outcome = load::run(&order, call, Conversation::started).await;
        Conversation::tell(&outcome)?;
    }
    Ok(())
}

struct Caller<C> {
    client: C,
    requests: Arc<str>,
    replies: Arc<str>,
    waiters: Waiters,
}

impl<C: Client> Caller<C> {
    async fn call(&self, body: Bytes) -> Result<(), BenchError> {
        let bytes = body.len();
        let (correlation_id, reply) = self.waiters.add();
        let request = Outgoing {
            queue: Arc::clone(&self.requests),
            correlation_id: correlation_id.to_string(),
            reply_to: Some(Arc::clone(&self.replies)),
            mandatory: false,
            body,
        };
        self.client.publish(request).await?;
        let reply = reply.await.map_err(BenchError::client(C::NAME))?;
        if reply.len() == bytes {
            Ok(())
        } else {
            Err(BenchError::Client {
                client: C::NAME,
                what: format!("{} bytes came back", reply.len()),
            })
        }
    }
}

/// Who waits for which reply.
#[derive(Default)]
struct Waiters {
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Bytes>>>,
}

impl Waiters {
    fn add(&self) -> (u64, oneshot::Receiver<Bytes>) {
        let (sender, receiver) = oneshot::channel();
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, sender);
        (id, receiver)
    }

    fn answer(&self, id: &str, body: Bytes) {
        let Ok(id) = id.parse() else { return };
        let waiter = self
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&id);
        if let Some(waiter) = waiter {
            // A caller that left needs no answer.
            let _ = waiter.send(body);
        }
    }
}
