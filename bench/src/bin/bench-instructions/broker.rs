//! The other end of the sockets: a broker with one exchange, no threads and a part to play.
//!
//! It does its work where the runtime of the side under measurement would go to sleep, so each of
//! its turns sees all that the side has written, and the number of turns is the same in every run.

use std::collections::{BTreeMap, VecDeque};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bergen_amqp::codec::Method;
use bergen_amqp::codec::methods::{basic, confirm, exchange, queue};
use bergen_amqp::protocol::{ChannelId, Connection, Event, ServerConfig};
use bergen_bench::BenchError;
use bergen_bench::rpc::failed;
use bytes::{Buf, Bytes, BytesMut};
use tokio::sync::Notify;

use crate::messages::{self, Requests};

/// What the broker does beside confirming.
pub(crate) enum Part {
    /// Answers each call itself, as a server behind it would.
    Server,
    /// Calls the server under measurement itself.
    Client(Calls),
}

/// The calls that the broker makes.
pub(crate) struct Calls {
    pub(crate) requests: Requests,
    pub(crate) in_flight: usize,
    /// How many are still to be made and answered.
    pub(crate) left: usize,
    /// Told when all are answered.
    pub(crate) done: Arc<Notify>,
}

pub(crate) struct Broker {
    listener: TcpListener,
    port: u16,
    peers: Vec<Peer>,
    consumers: BTreeMap<String, Consumer>,
    part: Part,
    /// Calls that were made and not answered.
    open: usize,
    buffer: Vec<u8>,
}

struct Peer {
    socket: TcpStream,
    protocol: Connection,
    input: BytesMut,
    /// The last publish of each channel that is not confirmed.
    unconfirmed: BTreeMap<ChannelId, u64>,
    /// Whether the last turn read or wrote anything.
    moved: bool,
}

struct Consumer {
    peer: usize,
    channel: ChannelId,
    tag: String,
    delivered: u64,
}

impl Broker {
    pub(crate) fn new(part: Part) -> Result<Self, BenchError> {
        let listening = BenchError::io("listening");
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| {
            listener.set_nonblocking(true)?;
            let port = listener.local_addr()?.port();
            Ok((listener, port))
        });
        let (listener, port) = bound.map_err(listening)?;
        Ok(Self {
            listener,
            port,
            peers: Vec::new(),
            consumers: BTreeMap::new(),
            part,
            open: 0,
            buffer: vec![0; 256 * 1024],
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The calls that it makes in the part of the client.
    pub(crate) fn calls(&mut self) -> Option<&mut Calls> {
        match &mut self.part {
            Part::Client(calls) => Some(calls),
            Part::Server => None,
        }
    }

    /// Does all there is to do. What the kernel is about to hand over is waited for, for a moment.
    pub(crate) fn turn(&mut self) -> Result<(), BenchError> {
        const LOOKS: u32 = 100;
        for _ in 0..LOOKS {
            if self.step()? {
                return Ok(());
            }
            std::thread::sleep(Duration::from_micros(20));
        }
        Ok(())
    }

    fn step(&mut self) -> Result<bool, BenchError> {
        self.admit()?;
        let mut events = VecDeque::new();
        for (number, peer) in self.peers.iter_mut().enumerate() {
            peer.read(&mut self.buffer)?;
            while let Some(event) = peer.protocol.poll_event() {
                events.push_back((number, event));
            }
        }
        for (number, event) in events {
            self.handle(number, event)?;
        }
        self.ask()?;
        let mut moved = false;
        for peer in &mut self.peers {
            peer.write()?;
            moved |= std::mem::take(&mut peer.moved);
        }
        Ok(moved)
    }

    fn admit(&mut self) -> Result<(), BenchError> {
        let socket = match self.listener.accept() {
            Ok((socket, _)) => socket,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(BenchError::io("accepting")(error)),
        };
        let set = socket.set_nonblocking(true);
        set.and_then(|()| socket.set_nodelay(true))
            .map_err(BenchError::io("accepting"))?;
        let mut config = ServerConfig::default();
        config.heartbeat = Duration::ZERO;
        self.peers.push(Peer {
            socket,
            protocol: Connection::server(config, Instant::now()),
            input: BytesMut::new(),
            unconfirmed: BTreeMap::new(),
            moved: true,
        });
        Ok(())
    }

    fn handle(&mut self, number: usize, event: Event) -> Result<(), BenchError> {
        match event {
            Event::LoginRequested { .. } | Event::OpenRequested { .. } => {
                if let Some(peer) = self.peers.get_mut(number) {
                    peer.protocol.accept();
                }
            }
            Event::Method { channel, method } => {
                self.method(number, channel, &method.decode().map_err(failed)?)?;
            }
            Event::Published {
                channel,
                tag,
                message,
                ..
            } => {
                if let (Some(peer), Some(tag)) = (self.peers.get_mut(number), tag) {
                    peer.unconfirmed.insert(channel, tag);
                }
                match &mut self.part {
                    Part::Server => {
                        if let Some((queue, reply)) = messages::answer(&message)? {
                            self.deliver(&queue, reply)?;
                        }
                    }
                    Part::Client(calls) => {
                        self.open = self.open.saturating_sub(1);
                        calls.left = calls.left.saturating_sub(1);
                        if calls.left == 0 {
                            calls.done.notify_one();
                        }
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn method(
        &mut self,
        number: usize,
        channel: ChannelId,
        method: &Method<'_>,
    ) -> Result<(), BenchError> {
        let answer = match method {
            Method::ExchangeDeclare(_) => exchange::DeclareOk {}.into(),
            Method::QueueDeclare(declare) => queue::DeclareOk {
                queue: declare.queue,
                message_count: 0,
                consumer_count: 0,
            }
            .into(),
            Method::QueueBind(_) => queue::BindOk {}.into(),
            Method::QueueDelete(_) => queue::DeleteOk { message_count: 0 }.into(),
            Method::BasicQos(_) => basic::QosOk {}.into(),
            Method::ConfirmSelect(_) => confirm::SelectOk {}.into(),
            Method::BasicCancel(cancel) => basic::CancelOk {
                consumer_tag: cancel.consumer_tag,
            }
            .into(),
            Method::BasicConsume(consume) => {
                let consumer = Consumer {
                    peer: number,
                    channel,
                    tag: consume.consumer_tag.to_owned(),
                    delivered: 0,
                };
                self.consumers.insert(consume.queue.to_owned(), consumer);
                basic::ConsumeOk {
                    consumer_tag: consume.consumer_tag,
                }
                .into()
            }
            // Acknowledgements.
            _ => return Ok(()),
        };
        let Some(peer) = self.peers.get_mut(number) else {
            return Ok(());
        };
        peer.protocol.send(channel, &answer).map_err(failed)
    }

    /// Keeps so many calls in flight.
    fn ask(&mut self) -> Result<(), BenchError> {
        loop {
            let Part::Client(calls) = &mut self.part else {
                return Ok(());
            };
            if self.open >= calls.in_flight.min(calls.left) {
                return Ok(());
            }
            let (queue, request) = calls.requests.next();
            self.open += 1;
            self.deliver(&queue, request)?;
        }
    }

    fn deliver(&mut self, queue: &str, body: Bytes) -> Result<(), BenchError> {
        let consumer = self.consumers.get_mut(queue);
        let consumer = consumer.ok_or_else(|| failed(format!("nobody consumes {queue}")))?;
        consumer.delivered += 1;
        let deliver = basic::Deliver {
            consumer_tag: &consumer.tag,
            delivery_tag: consumer.delivered,
            redelivered: false,
            exchange: "",
            routing_key: queue,
        };
        let Some(peer) = self.peers.get_mut(consumer.peer) else {
            return Ok(());
        };
        let properties = messages::properties();
        let sent = peer
            .protocol
            .send_content(consumer.channel, &deliver.into(), &properties, body);
        sent.map_err(failed)
    }
}

impl Peer {
    fn read(&mut self, buffer: &mut [u8]) -> Result<(), BenchError> {
        loop {
            match self.socket.read(buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => {
                    self.moved = true;
                    self.input
                        .extend_from_slice(buffer.get(..count).unwrap_or_default());
                    self.protocol.handle_input(&mut self.input, Instant::now());
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(BenchError::io("reading")(error)),
            }
        }
    }

    /// Confirms what was published, with one frame a channel, and writes what there is to write.
    fn write(&mut self) -> Result<(), BenchError> {
        for (channel, delivery_tag) in std::mem::take(&mut self.unconfirmed) {
            let ack = basic::Ack {
                delivery_tag,
                multiple: true,
            };
            self.protocol.send(channel, &ack.into()).map_err(failed)?;
        }
        loop {
            let output = self.protocol.output(Instant::now());
            if !output.has_remaining() {
                return Ok(());
            }
            match self.socket.write(output.chunk()) {
                Ok(count) => {
                    self.moved = true;
                    output.advance(count);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(BenchError::io("writing")(error)),
            }
        }
    }
}
