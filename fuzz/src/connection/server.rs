//! The server's end, whose clients may say anything.

use std::time::Duration;

use bergen_amqp::{
    codec::{
        BasicProperties, Method,
        methods::{basic, channel, confirm, queue},
    },
    protocol::{ChannelId, Event},
};
use bytes::Bytes;

use super::{End, Script, frame, shake_hands};

/// A server that is told anything.
pub fn server(data: &[u8]) {
    let Some(mut script) = Script::new(data) else {
        return;
    };
    let mut server = Server::new(script.connected);
    if script.raw {
        for piece in script.data.chunks(script.pieces) {
            server.end.feed(piece, usize::MAX);
            server.listen();
        }
    }
    while !script.raw
        && let Some((kind, channel, payload)) = script.parcel()
    {
        match frame(kind, channel, payload) {
            Some(bytes) => server.end.feed(&bytes, script.pieces),
            None => server.command(kind >> 4, channel, payload),
        }
        server.listen();
        if kind & 0x0F != 15 {
            server.end.write();
        }
    }
    server.end.connection.handle_eof();
    server.listen();
    assert!(server.end.over, "the end is told");
}

struct Server {
    end: End,
    channels: Vec<ChannelId>,
    /// The latest confirm-mode number.
    published: u64,
    delivered: u64,
}

impl Server {
    fn new(connected: bool) -> Self {
        let mut server = Self {
            end: End::server(),
            channels: Vec::new(),
            published: 0,
            delivered: 0,
        };
        if connected {
            let mut client = End::client();
            shake_hands(&mut client, &mut server.end);
            let opened = client.connection.open_channel();
            let confirming = opened.and_then(|channel| {
                let select = confirm::Select::default().into();
                client.connection.request(channel, &select)
            });
            assert!(confirming.is_ok());
            let bytes = client.write();
            server.end.feed(&bytes, usize::MAX);
            server.listen();
            server.end.write();
        }
        server
    }

    fn command(&mut self, command: u8, number: u16, payload: &[u8]) {
        let connection = &mut self.end.connection;
        match command {
            0 => return connection.accept(),
            1 => return connection.refuse(403, "no", self.end.now),
            2 => return drop(connection.set_blocked((payload.len() & 1 == 0).then_some("low"))),
            3 => {
                let seconds = payload.first().copied().unwrap_or(0);
                return self.end.wait(Duration::from_secs(seconds.into()));
            }
            4 => return connection.close(320, "bye", self.end.now),
            _ => {}
        }
        let Some(&channel) = self.channels.iter().find(|open| open.number() == number) else {
            return;
        };
        let consumer_tag = "c";
        match command {
            5 => drop(connection.close_channel(channel, 404, "NOT_FOUND")),
            6 => self.send(channel, queue::DeclareOk::default()),
            7 => self.send(channel, basic::ConsumeOk { consumer_tag }),
            8 => self.send(
                channel,
                basic::Cancel {
                    consumer_tag,
                    no_wait: false,
                },
            ),
            9 => self.send(
                channel,
                channel::Flow {
                    active: payload.len() & 1 == 0,
                },
            ),
            10 => {
                let ack = basic::Ack {
                    delivery_tag: self.published,
                    multiple: true,
                };
                self.send(channel, ack);
            }
            _ => {
                self.delivered += 1;
                let deliver = basic::Deliver {
                    consumer_tag,
                    delivery_tag: self.delivered,
                    ..Default::default()
                };
                let body = Bytes::from(payload.repeat(64));
                let properties = BasicProperties::default();
                drop(connection.send_content(channel, &deliver.into(), &properties, body));
            }
        }
    }

    fn send<'a>(&mut self, channel: ChannelId, method: impl Into<Method<'a>>) {
        drop(self.end.connection.send(channel, &method.into()));
    }

    fn listen(&mut self) {
        while let Some(event) = self.end.event() {
            match event {
                Event::ChannelOpened { channel } => self.channels.push(channel),
                Event::ChannelClosed { channel, .. } => {
                    assert!(self.channels.contains(&channel), "{channel:?} was not open");
                    self.channels.retain(|open| *open != channel);
                }
                Event::Published {
                    channel,
                    tag,
                    mandatory,
                    message,
                    ..
                } => {
                    self.published = tag.unwrap_or(self.published);
                    if mandatory {
                        let returned = basic::Return {
                            reply_code: 312,
                            reply_text: "NO_ROUTE",
                            exchange: &message.exchange,
                            routing_key: &message.routing_key,
                        };
                        let connection = &mut self.end.connection;
                        let (properties, body) = (&message.properties, message.body.clone());
                        drop(connection.send_content(channel, &returned.into(), properties, body));
                    }
                }
                Event::Method { method, .. } => {
                    assert!(method.decode().is_ok(), "checked before it was handed out");
                }
                _ => {}
            }
        }
    }
}
