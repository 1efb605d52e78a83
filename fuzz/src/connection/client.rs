//! The client's end: what it is asked for ends exactly once, whatever the peer says.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    time::Duration,
};

use bergen_amqp::{
    codec::{
        BasicProperties, Method,
        methods::{basic, confirm, queue},
    },
    protocol::{ChannelId, Event, Publish, PublishTag, RequestId},
};

use super::{End, Script, frame, shake_hands};

/// A client that is told anything.
pub fn client(data: &[u8]) {
    let Some(mut script) = Script::new(data) else {
        return;
    };
    let mut client = Client::new(script.connected);
    if script.raw {
        for piece in script.data.chunks(script.pieces) {
            client.end.feed(piece, usize::MAX);
            client.listen();
        }
    }
    while !script.raw
        && let Some((kind, channel, payload)) = script.parcel()
    {
        match frame(kind, channel, payload) {
            Some(bytes) => client.end.feed(&bytes, script.pieces),
            None => client.command(kind >> 4, channel, payload),
        }
        client.listen();
        if kind & 0x0F != 15 {
            client.end.write();
        }
    }
    client.finish();
}

struct Client {
    end: End,
    channels: Vec<ChannelId>,
    requests: BTreeMap<RequestId, ChannelId>,
    publishes: BTreeSet<(ChannelId, PublishTag)>,
    ids: u64,
}

impl Client {
    /// With one channel that confirms, consumes `c`, and awaits a message and a declaration.
    fn new(connected: bool) -> Self {
        let mut client = Self {
            end: End::client(),
            channels: Vec::new(),
            requests: BTreeMap::new(),
            publishes: BTreeSet::new(),
            ids: 0,
        };
        if connected {
            let mut server = End::server();
            shake_hands(&mut client.end, &mut server);
            for command in [0, 1, 2, 5, 3, 4] {
                client.command(command, 1, b"");
            }
            client.end.write();
        }
        client
    }

    fn command(&mut self, command: u8, channel: u16, payload: &[u8]) {
        let connection = &mut self.end.connection;
        if command == 0 {
            self.channels.extend(connection.open_channel());
            return;
        }
        let mut open = self.channels.iter();
        let Some(&channel) = open.rfind(|open| open.number() == channel) else {
            return;
        };
        let tag = u64::from(payload.first().copied().unwrap_or(0));
        let name = std::str::from_utf8(payload).unwrap_or("q");
        match command {
            1 => self.request(channel, confirm::Select::default()),
            2 => {
                let consumer_tag = if name.is_empty() { "c" } else { name };
                let consume = basic::Consume {
                    consumer_tag,
                    no_ack: tag & 1 != 0,
                    ..Default::default()
                };
                self.request(channel, consume);
            }
            3 => {
                let queue = "q";
                self.request(
                    channel,
                    basic::Get {
                        queue,
                        no_ack: tag & 1 != 0,
                    },
                );
            }
            4 => {
                let queue = name;
                self.request(
                    channel,
                    queue::Declare {
                        queue,
                        ..Default::default()
                    },
                );
            }
            5 => self.publish(channel, payload),
            6 => self.request(
                channel,
                basic::Cancel {
                    consumer_tag: "c",
                    no_wait: false,
                },
            ),
            7 => drop(connection.ack(channel, tag, payload.len() > 1)),
            8 => drop(connection.nack(channel, tag, payload.len() > 1, true)),
            9 => drop(connection.reject(channel, tag, payload.len() > 1)),
            10 => drop(connection.close_channel(channel, 200, name.get(..20).unwrap_or(""))),
            11 => {
                if let Some((request, channel)) = self.requests.pop_first() {
                    connection.abandon(channel, request);
                }
            }
            12 => self.end.wait(Duration::from_secs(tag)),
            13 => self.request(channel, basic::Recover { requeue: true }),
            14 => connection.handle_io_error(&io::ErrorKind::ConnectionReset.into()),
            _ => connection.close(200, "bye", self.end.now),
        }
    }

    fn request<'a>(&mut self, channel: ChannelId, method: impl Into<Method<'a>>) {
        let request = self.end.connection.request(channel, &method.into());
        self.requests
            .extend(request.map(|request| (request, channel)));
    }

    fn publish(&mut self, channel: ChannelId, payload: &[u8]) {
        self.ids += 1;
        let properties = BasicProperties {
            message_id: Some(self.ids.to_string().into()),
            ..Default::default()
        };
        let publish = Publish {
            exchange: "",
            routing_key: "q",
            mandatory: payload.len() & 1 == 0,
            properties: &properties,
            body: payload.repeat(64).into(),
        };
        if let Ok(Some(tag)) = self.end.connection.publish(channel, &publish) {
            self.publishes.insert((channel, tag));
        }
    }

    fn listen(&mut self) {
        while let Some(event) = self.end.event() {
            match event {
                Event::Reply {
                    channel, request, ..
                } => {
                    assert_eq!(self.requests.remove(&request), Some(channel), "{request:?}");
                }
                Event::Confirmed { channel, tag, .. } => {
                    assert!(
                        self.publishes.remove(&(channel, tag)),
                        "{tag} is no publish"
                    );
                }
                Event::Delivery { channel, delivery } => {
                    let tag = delivery.delivery_tag;
                    if tag % 3 == 0 {
                        drop(self.end.connection.ack(channel, tag, false));
                    }
                }
                Event::ChannelClosed {
                    channel, unsettled, ..
                } => {
                    self.channels.retain(|open| *open != channel);
                    for request in unsettled.requests {
                        assert_eq!(self.requests.remove(&request), Some(channel), "{request:?}");
                    }
                    for tag in unsettled.publishes {
                        assert!(
                            self.publishes.remove(&(channel, tag)),
                            "{tag} is no publish"
                        );
                    }
                }
                _ => {}
            }
        }
    }

    /// The peer hangs up: all that was asked for has an end now.
    fn finish(mut self) {
        self.end.connection.handle_eof();
        self.listen();
        assert!(self.end.over, "the end is told");
        assert!(self.requests.is_empty(), "{:?}", self.requests);
        assert!(self.publishes.is_empty(), "{:?}", self.publishes);
    }
}
