//! The other end: the protocol in its server role, each step of it the test's.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, sleep_until, timeout};

use crate::client::connect::open_over;
use crate::client::{Channel, ChannelEvents, ConnectOptions, Connection, ConnectionEvents};
use crate::codec::methods::{basic, confirm};
use crate::codec::{BasicProperties, Method};
use crate::protocol::{self, ChannelId, Event, Message, MethodBytes, ServerConfig};

/// What a test waits for should come at once; with paused time this costs nothing.
const PATIENCE: Duration = Duration::from_hours(1);

pub(super) struct Broker<S = DuplexStream> {
    pub(super) stream: S,
    pub(super) protocol: protocol::Connection,
    input: BytesMut,
}

/// No heartbeats: where they matter the test says so.
pub(super) fn options() -> ConnectOptions {
    ConnectOptions {
        heartbeat: Duration::ZERO,
        ..ConnectOptions::default()
    }
}

/// A client that is connected to a broker over a pipe of 64 KiB.
pub(super) async fn pair(options: ConnectOptions) -> (Connection, ConnectionEvents, Broker) {
    let (near, far) = duplex(64 * 1024);
    let mut broker = Broker::new(far);
    let (opened, ()) = tokio::join!(open_over(near, options), broker.accept());
    let (connection, events) = opened.unwrap();
    (connection, events, broker)
}

/// The same with one channel.
pub(super) async fn channel() -> (Connection, Channel, ChannelEvents, Broker, ChannelId) {
    let (connection, _, mut broker) = pair(options()).await;
    let (channel, events, id) = open_channel(&connection, &mut broker).await;
    (connection, channel, events, broker, id)
}

pub(super) async fn open_channel<S: AsyncRead + AsyncWrite + Unpin>(
    connection: &Connection,
    broker: &mut Broker<S>,
) -> (Channel, ChannelEvents, ChannelId) {
    let opening = connection.open_channel();
    let Event::ChannelOpened { channel: id } = broker.event().await else {
        panic!()
    };
    broker.flush().await;
    let (channel, events) = opening.await.unwrap();
    (channel, events, id)
}

/// The same with confirms.
pub(super) async fn confirming() -> (Connection, Channel, ChannelEvents, Broker, ChannelId) {
    let (connection, channel, events, mut broker, id) = channel().await;
    let selected = channel.confirm_select();
    broker.answer("confirm.select", confirm::SelectOk {}).await;
    selected.await.unwrap();
    (connection, channel, events, broker, id)
}

impl<S: AsyncRead + AsyncWrite + Unpin> Broker<S> {
    pub(super) fn new(stream: S) -> Self {
        Self::with(
            stream,
            ServerConfig {
                heartbeat: Duration::ZERO,
                ..ServerConfig::default()
            },
        )
    }

    pub(super) fn with(stream: S, config: ServerConfig) -> Self {
        let protocol = protocol::Connection::server(config, Instant::now().into_std());
        Self {
            stream,
            protocol,
            input: BytesMut::new(),
        }
    }

    /// Lets the client in.
    pub(super) async fn accept(&mut self) {
        loop {
            match self.event().await {
                Event::LoginRequested { .. } | Event::OpenRequested { .. } => {
                    self.protocol.accept();
                }
                Event::Connected { .. } => return self.flush().await,
                other => panic!("{other:?}"),
            }
        }
    }

    /// Accepts what was just asked for, to the end of the handshake.
    pub(super) async fn accept_rest(&mut self) {
        self.protocol.accept();
        self.accept().await;
    }

    /// The next event; writes what there is to write first.
    pub(super) async fn event(&mut self) -> Event {
        timeout(PATIENCE, self.next_event())
            .await
            .expect("the client should do something")
    }

    async fn next_event(&mut self) -> Event {
        loop {
            self.flush().await;
            if let Some(event) = self.protocol.poll_event() {
                return event;
            }
            let due = self.protocol.poll_timeout().map(Instant::from_std);
            let due = due.unwrap_or_else(|| Instant::now() + 2 * PATIENCE);
            let read = tokio::select! {
                read = self.stream.read_buf(&mut self.input) => read,
                () = sleep_until(due) => {
                    self.protocol.handle_timeout(Instant::now().into_std());
                    continue;
                }
            };
            match read {
                Ok(0) => self.protocol.handle_eof(),
                Ok(_) => {
                    self.protocol
                        .handle_input(&mut self.input, Instant::now().into_std());
                }
                Err(error) => self.protocol.handle_io_error(&error),
            }
        }
    }

    /// Goes on to the connection's end; whoever consumes gets one message.
    pub(super) async fn serve(&mut self) {
        loop {
            match self.event().await {
                Event::Closed { .. } => return,
                Event::Method { channel, method } => {
                    if let Ok(Method::BasicConsume(consume)) = method.decode() {
                        let consumer_tag = consume.consumer_tag;
                        self.send(channel, basic::ConsumeOk { consumer_tag }).await;
                        self.deliver(channel, consumer_tag, 1);
                    }
                }
                _ => {}
            }
        }
    }

    /// Goes on until something happens; false when the connection is over.
    pub(super) async fn is_open(&mut self) -> bool {
        !matches!(self.event().await, Event::Closed { .. })
    }

    /// Takes bytes that the test has read itself.
    pub(super) fn feed(&mut self, input: BytesMut) {
        self.input.unsplit(input);
        self.protocol
            .handle_input(&mut self.input, Instant::now().into_std());
    }

    /// The next event is this method.
    pub(super) async fn method(&mut self, name: &str) -> (ChannelId, MethodBytes) {
        match self.event().await {
            Event::Method { channel, method } => {
                assert_eq!(method.decode().unwrap().name(), name);
                (channel, method)
            }
            other => panic!("{name} should have come, not {other:?}"),
        }
    }

    /// The next event is this method, and this the answer.
    pub(super) async fn answer<'a>(
        &mut self,
        name: &str,
        answer: impl Into<Method<'a>>,
    ) -> MethodBytes {
        let (channel, method) = self.method(name).await;
        self.send(channel, answer).await;
        method
    }

    pub(super) async fn send<'a>(&mut self, channel: ChannelId, method: impl Into<Method<'a>>) {
        self.protocol.send(channel, &method.into()).unwrap();
        self.flush().await;
    }

    /// The next event is a publish.
    pub(super) async fn published(&mut self) -> (Option<u64>, Message) {
        match self.event().await {
            Event::Published { tag, message, .. } => (tag, *message),
            other => panic!("a publish should have come, not {other:?}"),
        }
    }

    pub(super) fn deliver(&mut self, channel: ChannelId, consumer_tag: &str, tag: u64) {
        let deliver = basic::Deliver {
            consumer_tag,
            delivery_tag: tag,
            redelivered: false,
            exchange: "",
            routing_key: "queue",
        };
        let body = Bytes::from(tag.to_string());
        self.protocol
            .send_content(channel, &deliver.into(), &BasicProperties::default(), body)
            .unwrap();
    }

    pub(super) async fn flush(&mut self) {
        loop {
            let output = self.protocol.output(Instant::now().into_std());
            if !output.has_remaining() {
                break;
            }
            let chunk = Bytes::copy_from_slice(output.chunk());
            output.advance(chunk.len());
            // A client that has hung up is found out by reading.
            let _ = self.stream.write_all(&chunk).await;
        }
        let _ = self.stream.flush().await;
    }
}
